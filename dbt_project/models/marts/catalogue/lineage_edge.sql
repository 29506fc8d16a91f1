{#- 血缘: who is made from whom, from the project's own graph; a department's system stands before its resource. -#}
{%- set edges = [] -%}
{%- if execute -%}
    {%- for node in graph.nodes.values() | selectattr("resource_type", "equalto", "model") | sort(attribute="unique_id") -%}
        {%- for upstream in node.depends_on.nodes | sort -%}
            {%- set origin = graph.nodes.get(upstream) or graph.sources.get(upstream) -%}
            {%- if origin and origin.schema != "contract" -%}
                {%- do edges.append((origin.schema ~ "." ~ origin.name, node.schema ~ "." ~ node.name)) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
{%- endif -%}
select
    provider_name || '：' || source_kind as upstream,
    resource_key as downstream,
    'ingest' as kind
from {{ source('contract', 'resource') }}
{%- for upstream, downstream in edges %}

union all

select
    '{{ upstream }}' as upstream,
    '{{ downstream }}' as downstream,
    'dbt' as kind
{%- endfor %}
