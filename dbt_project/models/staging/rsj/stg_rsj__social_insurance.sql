select
    insurance_no,
    resident_id,
    {{ clean_text('person_name') }} as person_name,
    employer_credit_code,
    insurance_kind_code,
    payment_base,
    status_code,
    updated_at,
    _batch_id as batch_id
from {{ source('rsj', 'social_insurance') }}
