select
    owner.owner_resident_id as resident_id,
    count(*) as property_count,
    sum(house.floor_area * owner.share_ratio) as owned_area
from {{ ref('stg_zrzy__real_estate') }} as owner
left join {{ ref('stg_zjj__house') }} as house on owner.house_id = house.house_id
group by owner.owner_resident_id
