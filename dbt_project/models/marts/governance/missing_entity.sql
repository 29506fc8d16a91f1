{#- 数据盲区: what one department has and another, by its duty, should have too. -#}
with untaxed as (
    select
        'tax_registration_missing' as rule,
        'scjg' as dept,
        'enterprise' as resource,
        enterprise.credit_code as entity_key,
        'swj' as missing_in_dept,
        'tax_registration' as missing_in_resource,
        '存续企业没有税务登记' as description
    from {{ ref('stg_scjg__enterprise') }} as enterprise
    left join {{ ref('stg_swj__tax_registration') }} as tax on enterprise.credit_code = tax.taxpayer_no
    where
        enterprise.status_code = '1'
        and tax.taxpayer_no is null
),

unregistered_newborns as (
    select
        'newborn_not_registered' as rule,
        'wjw' as dept,
        'birth' as resource,
        birth.certificate_no as entity_key,
        'gaj' as missing_in_dept,
        'resident' as missing_in_resource,
        '出生满三十日仍未在母亲户内登记户口' as description
    from {{ ref('stg_wjw__birth') }} as birth
    inner join {{ ref('stg_gaj__resident') }} as mother on birth.mother_resident_id = mother.resident_id
    left join {{ ref('stg_gaj__resident') }} as child
        on
            mother.household_id = child.household_id
            and birth.child_name = child.person_name
            and birth.birth_date = child.birth_date
    where
        {{ days_between('cast(birth.issued_at as date)', as_of_date()) }} > 30
        and child.resident_id is null
),

unenrolled as (
    select
        'school_age_not_enrolled' as rule,
        'gaj' as dept,
        'resident' as resource,
        person.resident_id as entity_key,
        'jyj' as missing_in_dept,
        'student' as missing_in_resource,
        '七至十四周岁没有学籍' as description
    from {{ ref('stg_gaj__resident') }} as person
    left join {{ ref('int_livelihood__student') }} as student on person.resident_id = student.resident_id
    where
        person.registration_status_code = '1'
        and {{ age_in_years('person.birth_date', as_of_date()) }} between 7 and 14
        and student.resident_id is null
)

select * from untaxed
union all
select * from unregistered_newborns
union all
select * from unenrolled
