with permits as (
    select
        project_code,
        count(*) as permit_count,
        sum(contract_amount) as contract_amount,
        min(planned_start) as planned_start,
        max(planned_finish) as planned_finish
    from {{ ref('stg_zjj__construction_project') }}
    group by project_code
)

select
    project.project_code,
    project.project_name,
    project.owner_credit_code,
    enterprise.org_name as owner_name,
    project.stage_code,
    project.total_investment,
    project.approved_on,
    coalesce(cast(permits.permit_count as integer), 0) as permit_count,
    cast(permits.contract_amount as decimal(20, 2)) as contract_amount,
    permits.planned_start,
    permits.planned_finish,
    coalesce(permits.planned_finish < {{ as_of_date() }}, false) and project.stage_code not in ('4', '5') as is_overdue
from {{ ref('stg_fgw__investment_project') }} as project
left join permits on project.project_code = permits.project_code
left join {{ ref('stg_scjg__enterprise') }} as enterprise on project.owner_credit_code = enterprise.credit_code
