{#- 生存状态: a death certificate outweighs the register, which may be late. -#}
select
    person.resident_id,
    death.death_date,
    case
        when death.resident_id is not null then '死亡'
        when person.registration_status_code = '3' then '死亡'
        when person.registration_status_code = '2' then '迁出'
        else '正常'
    end as vital_status,
    case when death.resident_id is null then 'gaj.resident' else 'wjw.death' end as vital_status_source
from {{ ref('stg_gaj__resident') }} as person
left join {{ ref('int_population__death') }} as death on person.resident_id = death.resident_id
