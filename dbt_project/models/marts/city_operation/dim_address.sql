select
    address.address_id,
    address.address_text,
    address.division_code,
    division.division_name,
    address.longitude,
    address.latitude,
    cast(count(house.house_id) as integer) as house_count,
    cast(coalesce(sum(house.floor_area), 0) as decimal(20, 2)) as floor_area
from {{ ref('stg_zrzy__address') }} as address
left join {{ ref('stg_dsjj__division') }} as division on address.division_code = division.division_code
left join {{ ref('stg_zjj__house') }} as house on address.address_id = house.address_id
group by
    address.address_id,
    address.address_text,
    address.division_code,
    division.division_name,
    address.longitude,
    address.latitude
