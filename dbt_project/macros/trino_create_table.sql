{#- A table of Trino in one statement, which is one commit: dbt-trino makes an empty table of the contract's types and fills
    it with a second one. The types are the contract's all the same. -#}
{% macro trino__create_table_as(temporary, relation, sql, on_exists=None) -%}
    {%- set is_enforced = config.get("contract") and config.get("contract").enforced -%}
    {%- if is_enforced -%}
        {{ get_assert_columns_equivalent(sql) }}
    {%- endif -%}
    create{{ " or replace" if on_exists == "replace" }} table{{ " if not exists" if on_exists == "skip" }} {{ relation }}
    {{ properties(temporary) }}
    as
    {%- if is_enforced %}
    select
        {%- for column in model.columns.values() %}
        cast({{ adapter.quote(column.name) }} as {{ column.data_type }}) as {{ adapter.quote(column.name) }}{{ "," if not loop.last }}
        {%- endfor %}
    from (
        {{ sql }}
    ) as built
    {%- else %}
    {{ sql }}
    {%- endif %}
{%- endmacro %}
