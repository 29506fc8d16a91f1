{#- 法人库: the market register is the master, tax and licences stand beside it. -#}
with licences as (
    select
        credit_code,
        count(*) as licence_count,
        sum(case when valid_until >= {{ as_of_date() }} then 1 else 0 end) as valid_licence_count
    from {{ ref('int_legal_person__licence') }}
    group by credit_code
)

select
    enterprise.credit_code,
    enterprise.org_name,
    enterprise.legal_rep_name,
    enterprise.legal_rep_resident_id,
    enterprise.industry_code,
    enterprise.registered_capital,
    enterprise.established_on,
    enterprise.status_code,
    enterprise.status_code = '1' as is_active,
    enterprise.division_code,
    substr(enterprise.division_code, 1, 6) as county_code,
    enterprise.address_text,
    tax.taxpayer_no is not null as is_tax_registered,
    tax.status_code as taxpayer_status_code,
    tax.taxpayer_kind_code,
    coalesce(cast(licences.licence_count as integer), 0) as licence_count,
    coalesce(cast(licences.valid_licence_count as integer), 0) as valid_licence_count,
    enterprise.updated_at
from {{ ref('stg_scjg__enterprise') }} as enterprise
left join {{ ref('stg_swj__tax_registration') }} as tax on enterprise.credit_code = tax.taxpayer_no
left join licences on enterprise.credit_code = licences.credit_code
