select
    certificate_no,
    {{ clean_text('child_name') }} as child_name,
    sex_code,
    birth_date,
    mother_resident_id,
    father_resident_id,
    weight_g,
    institution_id,
    issued_at,
    _batch_id as batch_id
from {{ source('wjw', 'birth') }}
