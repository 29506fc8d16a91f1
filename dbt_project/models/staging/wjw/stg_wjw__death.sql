select
    certificate_no,
    resident_id,
    {{ clean_text('person_name') }} as person_name,
    death_date,
    cause_code,
    issued_on,
    _batch_id as batch_id
from {{ source('wjw', 'death') }}
