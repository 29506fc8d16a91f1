select
    institution_id,
    {{ clean_text('institution_name') }} as institution_name,
    credit_code,
    level_code,
    bed_count,
    longitude,
    latitude,
    _batch_id as batch_id
from {{ source('wjw', 'medical_institution') }}
