{#- A firm is called a zombie when it is registered as active, yet pays no tax and insures nobody. -#}
with projects as (
    select
        owner_credit_code as credit_code,
        count(*) as project_count,
        sum(total_investment) as total_investment
    from {{ ref('stg_fgw__investment_project') }}
    group by owner_credit_code
)

select
    enterprise.credit_code,
    enterprise.org_name,
    enterprise.industry_code,
    enterprise.status_code,
    enterprise.division_code,
    enterprise.registered_capital,
    cast(coalesce(tax.tax_amount, 0) as decimal(20, 2)) as tax_amount,
    tax.last_paid_on as last_tax_paid_on,
    coalesce(cast(insured.insured_count as integer), 0) as insured_count,
    coalesce(cast(projects.project_count as integer), 0) as project_count,
    cast(coalesce(projects.total_investment, 0) as decimal(20, 2)) as total_investment,
    enterprise.status_code = '1'
    and coalesce(tax.payment_count, 0) = 0
    and coalesce(insured.insured_count, 0) = 0 as is_zombie
from {{ ref('stg_scjg__enterprise') }} as enterprise
left join {{ ref('int_economy__tax_by_taxpayer') }} as tax on enterprise.credit_code = tax.credit_code
left join {{ ref('int_economy__insured_by_employer') }} as insured on enterprise.credit_code = insured.credit_code
left join projects on enterprise.credit_code = projects.credit_code
