select
    registration_no,
    kind_code,
    husband_resident_id,
    husband_name,
    wife_resident_id,
    wife_name,
    registered_on,
    _batch_id as batch_id
from {{ source('mzj', 'marriage') }}
