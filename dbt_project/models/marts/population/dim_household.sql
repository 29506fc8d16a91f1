with members as (
    select
        household_id,
        count(*) as registered_count,
        sum(case when age < 18 then 1 else 0 end) as minor_count,
        sum(case when age >= 60 then 1 else 0 end) as senior_count
    from {{ ref('dim_person') }}
    where
        vital_status = '正常'
        and household_id is not null
    group by household_id
)

select
    household.household_id,
    household.head_resident_id,
    household.member_count as declared_count,
    coalesce(cast(members.registered_count as integer), 0) as registered_count,
    coalesce(cast(members.minor_count as integer), 0) as minor_count,
    coalesce(cast(members.senior_count as integer), 0) as senior_count,
    household.address_id,
    address.address_text,
    address.longitude,
    address.latitude,
    household.division_code,
    household.updated_at
from {{ ref('stg_gaj__household') }} as household
left join members on household.household_id = members.household_id
left join {{ ref('stg_zrzy__address') }} as address on household.address_id = address.address_id
