select
    plate_no,
    vehicle_type_code,
    owner_resident_id,
    vin,
    registered_on,
    updated_at,
    _batch_id as batch_id
from {{ source('gaj', 'vehicle') }}
