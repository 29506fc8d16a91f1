select
    house_id,
    address_id,
    usage_code,
    floor_area,
    built_year,
    longitude,
    latitude,
    surveyed_on,
    _batch_id as batch_id
from {{ source('zjj', 'house') }}
