{#- 流动人口: who holds a residence permit and is not on the city's household register. Sex and birth date are those
    that the resident ID spells (GB 11643). -#}
select
    permit.resident_id,
    permit.person_name,
    case when cast(substr(permit.resident_id, 17, 1) as integer) % 2 = 1 then '1' else '2' end as sex_code,
    try_cast(
        substr(permit.resident_id, 7, 4)
        || '-' || substr(permit.resident_id, 11, 2)
        || '-' || substr(permit.resident_id, 13, 2) as date
    ) as birth_date,
    permit.permit_no,
    permit.division_code,
    permit.registered_on
from {{ ref('int_population__residence_permit') }} as permit
left join {{ ref('stg_gaj__resident') }} as person on permit.resident_id = person.resident_id
where person.resident_id is null
