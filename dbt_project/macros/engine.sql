{#- What DuckDB and Trino spell differently, or count differently; models call these. -#}

{#- From the environment, since another variable would be another project: dbt would parse all of it anew for a new day. -#}
{% macro as_of_date() -%}
    cast('{{ env_var("CITYBRAIN_AS_OF_DATE", var("as_of_date")) }}' as date)
{%- endmacro %}

{#- Whole years between two dates, as an age is counted. -#}
{% macro age_in_years(birth_date, on_date) -%}
    cast(
        extract(year from {{ on_date }}) - extract(year from {{ birth_date }})
        - case
            when extract(month from {{ on_date }}) * 100 + extract(day from {{ on_date }})
                < extract(month from {{ birth_date }}) * 100 + extract(day from {{ birth_date }})
                then 1
            else 0
        end as integer
    )
{%- endmacro %}

{#- Text as people typed it: blanks at the ends go, an ideographic space is a space, nothing left is null. The blanks are
    named (a space and a no-break space), because engines differ in what they take for blank. -#}
{% macro clean_text(column) -%}
    nullif(trim(both '  ' from replace({{ column }}, '　', ' ')), '')
{%- endmacro %}

{#- A share as a double: Trino would keep the scale of decimals and cut the rest off. Null when there is no whole. -#}
{% macro ratio(part, whole) -%}
    cast({{ part }} as double) / nullif(cast({{ whole }} as double), 0)
{%- endmacro %}

{#- A mean that does not depend on the order in which an engine adds: the sum is exact, then one division. -#}
{% macro exact_mean(value, scale=10) -%}
    cast(sum(cast({{ value }} as decimal(38, {{ scale }}))) as double) / count({{ value }})
{%- endmacro %}

{% macro days_between(first_date, last_date) -%}
    {{ return(adapter.dispatch("days_between")(first_date, last_date)) }}
{%- endmacro %}

{% macro default__days_between(first_date, last_date) -%}
    cast(date_diff('day', {{ first_date }}, {{ last_date }}) as integer)
{%- endmacro %}

{#- The data date in a delivery's name, <resource>_<YYYYMMDD>_<delivered at>; null when there is none. -#}
{% macro delivery_data_date(delivery) -%}
    {{ return(adapter.dispatch("delivery_data_date")(delivery)) }}
{%- endmacro %}

{% macro default__delivery_data_date(delivery) -%}
    cast(try_strptime(nullif(regexp_extract({{ delivery }}, '_([0-9]{8})_[0-9]{14}', 1), ''), '%Y%m%d') as date)
{%- endmacro %}

{% macro trino__delivery_data_date(delivery) -%}
    try(cast(date_parse(regexp_extract({{ delivery }}, '_([0-9]{8})_[0-9]{14}', 1), '%Y%m%d') as date))
{%- endmacro %}
