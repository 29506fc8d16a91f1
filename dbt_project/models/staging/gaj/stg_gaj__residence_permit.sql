select
    permit_no,
    resident_id,
    {{ clean_text('person_name') }} as person_name,
    origin_division_code,
    division_code,
    registered_on,
    valid_until,
    _batch_id as batch_id
from {{ source('gaj', 'residence_permit') }}
