with cases as (
    select
        component_code,
        count(*) as case_count,
        sum(case when stage_code <> '5' then 1 else 0 end) as open_case_count
    from {{ ref('stg_cgj__case') }}
    where component_code is not null
    group by component_code
)

select
    component.component_code,
    component.component_kind_code,
    component.owner_dept_code,
    component.division_code,
    component.longitude,
    component.latitude,
    component.is_working,
    coalesce(cast(cases.case_count as integer), 0) as case_count,
    coalesce(cast(cases.open_case_count as integer), 0) as open_case_count,
    component.surveyed_on
from {{ ref('stg_cgj__component') }} as component
left join cases on component.component_code = cases.component_code
