{#- The key of a table: never null, never twice. One scan instead of one for each column and property. -#}
{% test primary_key(model, columns) %}
    select
        {{ columns | join(", ") }},
        count(*) as row_count
    from {{ model }}
    group by {{ columns | join(", ") }}
    having
        count(*) > 1
        {%- for column in columns %}
        or {{ column }} is null
        {%- endfor %}
{% endtest %}
