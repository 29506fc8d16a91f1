select
    household_id,
    head_resident_id,
    member_count,
    address_id,
    division_code,
    updated_at,
    _batch_id as batch_id
from {{ source('gaj', 'household') }}
