{#- 血缘: who is made from whom, from the project's own graph; a department's system stands before its resource. -#}
{%- set edges = [] -%}
{%- if execute -%}
    {%- for node in graph.nodes.values() | selectattr("resource_type", "equalto", "model") | sort(attribute="unique_id") -%}
        {%- for upstream in node.depends_on.nodes | sort -%}
            {%- set origin = graph.nodes.get(upstream) or graph.sources.get(upstream) -%}
            {%- if origin and origin.get("source_name") != "contract" -%}
                {%- do edges.append("('" ~ lakehouse_name(origin) ~ "', '" ~ lakehouse_name(node) ~ "')") -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
{%- endif -%}
select
    provider_name || '：' || source_kind as upstream,
    resource_key as downstream,
    'ingest' as kind
from {{ source('contract', 'resource') }}

union all

select
    edge.upstream,
    edge.downstream,
    'dbt' as kind
from (
    values {{ edges | join(", ") or "('', '')" }}
) as edge (upstream, downstream)
where edge.upstream <> ''
