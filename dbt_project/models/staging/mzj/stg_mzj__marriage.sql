select
    registration_no,
    kind_code,
    husband_resident_id,
    {{ clean_text('husband_name') }} as husband_name,
    wife_resident_id,
    {{ clean_text('wife_name') }} as wife_name,
    registered_on,
    _batch_id as batch_id
from {{ source('mzj', 'marriage') }}
