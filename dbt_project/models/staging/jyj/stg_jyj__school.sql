select
    school_id,
    school_name,
    school_kind_code,
    capacity,
    division_code,
    longitude,
    latitude,
    _batch_id as batch_id
from {{ source('jyj', 'school') }}
