select
    hazard_no,
    credit_code,
    {{ clean_text('chemical_name') }} as chemical_name,
    level_no,
    quantity_t,
    longitude,
    latitude,
    _batch_id as batch_id
from {{ source('yjj', 'hazard_source') }}
