{#- What DuckDB and Trino spell differently; models call these. -#}

{% macro as_of_date() -%}
    cast('{{ var("as_of_date") }}' as date)
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
