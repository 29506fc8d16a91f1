{#- 人口库: the household register is the master; each other department's word stands beside its source. -#}
select
    person.resident_id,
    person.person_name,
    person.sex_code,
    person.birth_date,
    {{ age_in_years('person.birth_date', as_of_date()) }} as age,
    person.ethnic_code,
    coalesce(marriage.marital_status_code, person.marital_status_code) as marital_status_code,
    case when marriage.resident_id is null then 'gaj.resident' else 'mzj.marriage' end as marital_status_source,
    marriage.spouse_resident_id,
    death.death_date,
    case
        when death.resident_id is not null then '死亡'
        when person.registration_status_code = '3' then '死亡'
        when person.registration_status_code = '2' then '迁出'
        else '正常'
    end as vital_status,
    case when death.resident_id is null then 'gaj.resident' else 'wjw.death' end as vital_status_source,
    person.household_id,
    person.relation_code,
    household.address_id,
    person.division_code,
    substr(person.division_code, 1, 6) as county_code,
    person.address_text,
    person.phone,
    permit.permit_no as residence_permit_no,
    person.updated_at
from {{ ref('stg_gaj__resident') }} as person
left join {{ ref('stg_gaj__household') }} as household on person.household_id = household.household_id
left join {{ ref('int_population__latest_marriage') }} as marriage on person.resident_id = marriage.resident_id
left join {{ ref('int_population__death') }} as death on person.resident_id = death.resident_id
left join {{ ref('int_population__residence_permit') }} as permit on person.resident_id = permit.resident_id
