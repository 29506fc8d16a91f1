{#- What a model selects against what its contract declares, in one statement: dbt asks for each by itself, and to plan a
    statement is most of what a small model costs. Faults are told in dbt's own words. -#}
{% macro default__get_assert_columns_equivalent(sql) -%}
    {%- set declared = model["columns"].values() | list -%}
    {%- if not declared -%}
        {{ exceptions.raise_contract_error([], []) }}
    {%- endif -%}
    {%- set places = [] -%}
    {%- for column in declared -%}
        {%- do places.append("declared_" ~ loop.index0) -%}
    {%- endfor -%}
    {%- set both -%}
        select * from (
            {{ sql }}
        ) as built cross join (
            {{ get_empty_schema_sql(model["columns"]) }}
        ) as declared ({{ places | join(", ") }})
    {%- endset -%}
    {%- set found = get_column_schema_from_query(both, config.get("sql_header", none)) -%}
    {%- set built_columns = format_columns(found[: found | length - declared | length]) -%}
    {%- set declared_columns = [] -%}
    {%- for column in format_columns(found[found | length - declared | length :]) -%}
        {%- set name = declared[loop.index0].name -%}
        {%- set formatted = column.formatted | replace(places[loop.index0], name | lower, 1) -%}
        {%- do declared_columns.append({"name": name, "data_type": column.data_type, "formatted": formatted}) -%}
    {%- endfor -%}
    {%- if built_columns | map(attribute="formatted") | sort != declared_columns | map(attribute="formatted") | sort -%}
        {%- do exceptions.raise_contract_error(declared_columns, built_columns) -%}
    {%- endif -%}
{%- endmacro %}
