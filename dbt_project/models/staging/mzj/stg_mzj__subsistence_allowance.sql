select
    certificate_no,
    resident_id,
    {{ clean_text('person_name') }} as person_name,
    member_count,
    monthly_amount,
    division_code,
    approved_on,
    _batch_id as batch_id
from {{ source('mzj', 'subsistence_allowance') }}
