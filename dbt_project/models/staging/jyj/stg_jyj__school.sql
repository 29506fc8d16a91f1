select
    school_id,
    {{ clean_text('school_name') }} as school_name,
    school_kind_code,
    capacity,
    division_code,
    longitude,
    latitude,
    _batch_id as batch_id
from {{ source('jyj', 'school') }}
