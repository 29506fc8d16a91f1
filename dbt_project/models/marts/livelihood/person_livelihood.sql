{#- One row a living resident, from seven departments: register, civil affairs, social and medical insurance,
    education, land, housing. What a grass-roots worker would otherwise ask for on seven forms. -#}
select
    person.resident_id,
    person.person_name,
    person.birth_date,
    {{ age_in_years('person.birth_date', as_of_date()) }} as age,
    person.household_id,
    person.division_code,
    coalesce(cast(social.active_insurance_count as integer), 0) as active_insurance_count,
    social.employer_credit_code,
    cast(social.payment_base as decimal(18, 2)) as payment_base,
    medical.scheme_code as medical_scheme_code,
    medical.resident_id is not null as has_medical_insurance,
    student.school_id,
    student.grade_no,
    coalesce(cast(estate.property_count as integer), 0) as property_count,
    cast(coalesce(estate.owned_area, 0) as decimal(18, 2)) as owned_area,
    allowance.certificate_no as allowance_certificate_no,
    cast(allowance.monthly_amount as decimal(18, 2)) as allowance_monthly_amount
from {{ ref('stg_gaj__resident') }} as person
left join {{ ref('int_population__death') }} as death on person.resident_id = death.resident_id
left join {{ ref('int_livelihood__social_insurance') }} as social on person.resident_id = social.resident_id
left join {{ ref('int_livelihood__medical_insurance') }} as medical on person.resident_id = medical.resident_id
left join {{ ref('int_livelihood__student') }} as student on person.resident_id = student.resident_id
left join {{ ref('int_livelihood__real_estate') }} as estate on person.resident_id = estate.resident_id
left join {{ ref('int_livelihood__allowance') }} as allowance on person.resident_id = allowance.resident_id
where
    person.registration_status_code = '1'
    and death.resident_id is null
