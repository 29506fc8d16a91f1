{#- A mart's schema is its name in the lakehouse, without the target's prefix. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ custom_schema_name | trim if custom_schema_name else target.schema }}
{%- endmacro %}

{#- What a model or source is called wherever people read of it: without the prefix of scratch schemas. -#}
{% macro lakehouse_name(node) -%}
    {{ return(node.schema.removeprefix("scratch_") ~ "." ~ node.name) }}
{%- endmacro %}
