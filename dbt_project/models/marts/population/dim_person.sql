{#- 人口库: one row a person known to the city, on the household register (户籍) or with a residence permit (流动).
    What another department answers for comes from that department, and the column beside it says so. -#}
with registered as (
    select
        person.resident_id,
        '户籍' as person_kind,
        person.person_name,
        person.sex_code,
        person.birth_date,
        person.ethnic_code,
        person.marital_status_code,
        vital.death_date,
        vital.vital_status,
        vital.vital_status_source,
        person.household_id,
        person.relation_code,
        household.address_id,
        person.division_code,
        person.address_text,
        person.phone,
        permit.permit_no as residence_permit_no,
        person.updated_at
    from {{ ref('stg_gaj__resident') }} as person
    inner join {{ ref('int_population__vital_status') }} as vital on person.resident_id = vital.resident_id
    left join {{ ref('stg_gaj__household') }} as household on person.household_id = household.household_id
    left join {{ ref('int_population__residence_permit') }} as permit on person.resident_id = permit.resident_id
),

migrants as (
    select
        migrant.resident_id,
        '流动' as person_kind,
        migrant.person_name,
        migrant.sex_code,
        migrant.birth_date,
        cast(null as varchar) as ethnic_code,
        cast(null as varchar) as marital_status_code,
        death.death_date,
        case when death.resident_id is null then '正常' else '死亡' end as vital_status,
        case when death.resident_id is null then 'gaj.residence_permit' else 'wjw.death' end as vital_status_source,
        cast(null as varchar) as household_id,
        cast(null as varchar) as relation_code,
        cast(null as varchar) as address_id,
        migrant.division_code,
        cast(null as varchar) as address_text,
        cast(null as varchar) as phone,
        migrant.permit_no as residence_permit_no,
        cast(migrant.registered_on as timestamp(6)) as updated_at
    from {{ ref('int_population__migrant') }} as migrant
    left join {{ ref('int_population__death') }} as death on migrant.resident_id = death.resident_id
),

persons as (
    select * from registered
    union all
    select * from migrants
)

select
    person.resident_id,
    person.person_kind,
    person.person_name,
    person.sex_code,
    person.birth_date,
    {{ age_in_years('person.birth_date', as_of_date()) }} as age,
    person.ethnic_code,
    case
        when marriage.resident_id is null then person.marital_status_code
        -- The register tells a first marriage from a later one; civil affairs only says married.
        when marriage.marital_status_code = '20' and person.marital_status_code in ('21', '22', '23')
            then person.marital_status_code
        else marriage.marital_status_code
    end as marital_status_code,
    case
        when marriage.resident_id is not null then 'mzj.marriage'
        when person.marital_status_code is not null then 'gaj.resident'
    end as marital_status_source,
    marriage.spouse_resident_id,
    person.death_date,
    person.vital_status,
    person.vital_status_source,
    person.household_id,
    person.relation_code,
    person.address_id,
    person.division_code,
    substr(person.division_code, 1, 6) as county_code,
    person.address_text,
    person.phone,
    person.residence_permit_no,
    person.updated_at
from persons as person
left join {{ ref('int_population__latest_marriage') }} as marriage on person.resident_id = marriage.resident_id
