select
    insured_no,
    resident_id,
    {{ clean_text('person_name') }} as person_name,
    scheme_code,
    division_code,
    insured_on,
    _batch_id as batch_id
from {{ source('ylbj', 'medical_insurance') }}
