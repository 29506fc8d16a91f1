{#- 法人库: the market register is the master, tax and licences stand beside it. -#}
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
    coalesce(licences.licence_count, 0) as licence_count,
    coalesce(licences.food_licence_count, 0) as food_licence_count,
    coalesce(licences.valid_licence_count, 0) as valid_licence_count,
    enterprise.updated_at
from {{ ref('stg_scjg__enterprise') }} as enterprise
left join {{ ref('stg_swj__tax_registration') }} as tax on enterprise.credit_code = tax.taxpayer_no
left join {{ ref('int_legal_person__active_licences') }} as licences on enterprise.credit_code = licences.credit_code
