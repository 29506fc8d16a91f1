{#- 数据打架: two departments assert the same fact about the same entity, and differ. The facts and whose word counts
    are declared in the vocabulary; each branch here is one of them. -#}
with deceased as (
    select
        resident_id,
        cast(death_date as varchar) as death_date
    from {{ ref('int_population__death') }}
),

deceased_in_register as (
    select
        'alive' as fact,
        'gaj' as asserting_dept,
        'resident' as asserting_resource,
        deceased.resident_id as entity_key,
        deceased.death_date as authority_value,
        person.registration_status_code as asserted_value
    from deceased
    inner join {{ ref('stg_gaj__resident') }} as person on deceased.resident_id = person.resident_id
    where person.registration_status_code = '1'
),

deceased_in_insurance as (
    select distinct
        'alive' as fact,
        'rsj' as asserting_dept,
        'social_insurance' as asserting_resource,
        deceased.resident_id as entity_key,
        deceased.death_date as authority_value,
        insurance.status_code as asserted_value
    from deceased
    inner join {{ ref('stg_rsj__social_insurance') }} as insurance on deceased.resident_id = insurance.resident_id
    where insurance.status_code = '1'
),

marital as (
    select
        'marital_status' as fact,
        'gaj' as asserting_dept,
        'resident' as asserting_resource,
        person.resident_id as entity_key,
        marriage.marital_status_code as authority_value,
        person.marital_status_code as asserted_value
    from {{ ref('int_population__latest_marriage') }} as marriage
    inner join {{ ref('stg_gaj__resident') }} as person on marriage.resident_id = person.resident_id
    -- A register that states nothing (null) asserts nothing, so it contradicts nothing.
    where
        not case marriage.marital_status_code
            when '40' then person.marital_status_code = '40'
            when '30' then person.marital_status_code in ('20', '21', '22', '23', '30')
            else person.marital_status_code in ('20', '21', '22', '23')
        end
),

names_in_insurance as (
    select distinct
        'person_name' as fact,
        'rsj' as asserting_dept,
        'social_insurance' as asserting_resource,
        person.resident_id as entity_key,
        person.person_name as authority_value,
        insurance.person_name as asserted_value
    from {{ ref('stg_gaj__resident') }} as person
    inner join {{ ref('stg_rsj__social_insurance') }} as insurance on person.resident_id = insurance.resident_id
    where person.person_name <> insurance.person_name
),

names_in_medical_insurance as (
    select distinct
        'person_name' as fact,
        'ylbj' as asserting_dept,
        'medical_insurance' as asserting_resource,
        person.resident_id as entity_key,
        person.person_name as authority_value,
        insurance.person_name as asserted_value
    from {{ ref('stg_gaj__resident') }} as person
    inner join {{ ref('stg_ylbj__medical_insurance') }} as insurance on person.resident_id = insurance.resident_id
    where person.person_name <> insurance.person_name
),

enterprise_names as (
    select
        'enterprise_name' as fact,
        'swj' as asserting_dept,
        'tax_registration' as asserting_resource,
        enterprise.credit_code as entity_key,
        enterprise.org_name as authority_value,
        tax.taxpayer_name as asserted_value
    from {{ ref('stg_scjg__enterprise') }} as enterprise
    inner join {{ ref('stg_swj__tax_registration') }} as tax on enterprise.credit_code = tax.taxpayer_no
    where enterprise.org_name <> tax.taxpayer_name
),

enterprise_states as (
    select
        'enterprise_status' as fact,
        'swj' as asserting_dept,
        'tax_registration' as asserting_resource,
        enterprise.credit_code as entity_key,
        enterprise.status_code as authority_value,
        tax.status_code as asserted_value
    from {{ ref('stg_scjg__enterprise') }} as enterprise
    inner join {{ ref('stg_swj__tax_registration') }} as tax on enterprise.credit_code = tax.taxpayer_no
    where
        enterprise.status_code = '3'
        and tax.status_code = '03'
),

conflicts as (
    select * from deceased_in_register
    union all
    select * from deceased_in_insurance
    union all
    select * from marital
    union all
    select * from names_in_insurance
    union all
    select * from names_in_medical_insurance
    union all
    select * from enterprise_names
    union all
    select * from enterprise_states
)

select
    conflicts.fact,
    fact.rule,
    fact.name as fact_name,
    fact.entity as entity_type,
    conflicts.entity_key,
    fact.authority_dept,
    substr(fact.authority, length(fact.authority_dept) + 2) as authority_resource,
    conflicts.authority_value,
    conflicts.asserting_dept,
    conflicts.asserting_resource,
    conflicts.asserted_value
from conflicts
inner join {{ source('contract', 'fact') }} as fact on conflicts.fact = fact.fact
