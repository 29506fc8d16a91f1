{#- A resource that was never delivered has no table on the cluster: it reads as no rows of its contract's columns. The
    embedded build has an empty table in its place. -#}
{% macro source(source_name, table_name) -%}
    {%- set relation = builtins.source(source_name, table_name) -%}
    {#- A unit test brings its own rows, and no graph. -#}
    {%- if execute and graph.get("sources") and source_name ~ "." ~ table_name in env_var("CITYBRAIN_WITHOUT_TABLE", "").split(",") -%}
        {%- set described = graph.sources["source.citybrain." ~ source_name ~ "." ~ table_name] -%}
        (
            select
                {%- for column in described.columns.values() %}
                cast(null as {{ column.data_type }}) as {{ adapter.quote(column.name) }}{{ "," if not loop.last }}
                {%- endfor %}
            where 1 = 0
        )
    {%- else -%}
        {{- relation -}}
    {%- endif -%}
{%- endmacro %}
