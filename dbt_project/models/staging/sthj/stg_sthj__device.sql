select
    device_id,
    device_kind_code,
    division_code,
    longitude,
    latitude,
    installed_on,
    _batch_id as batch_id
from {{ source('sthj', 'device') }}
