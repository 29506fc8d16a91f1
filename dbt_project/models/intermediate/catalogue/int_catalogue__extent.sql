{#- Rows and newest watermark of every resource, from the tables themselves. -#}
{%- set tables = [] -%}
{%- if execute -%}
    {%- for table in graph.sources.values() | sort(attribute="unique_id") -%}
        {%- if table.source_name not in ("contract", "ops") -%}
            {%- do tables.append(table) -%}
        {%- endif -%}
    {%- endfor -%}
{%- endif -%}
select
    cast(null as varchar) as resource_key,
    cast(0 as bigint) as row_count,
    cast(null as date) as newest_on
where 1 = 0
{%- for table in tables %}
    {%- set watermark = table.config.meta.get("watermark") %}

union all

select
    '{{ table.source_name }}.{{ table.name }}' as resource_key,
    count(*) as row_count,
    {{ "cast(max(" ~ watermark ~ ") as date)" if watermark else "cast(null as date)" }} as newest_on
from {{ source(table.source_name, table.name) }}
{%- endfor %}
