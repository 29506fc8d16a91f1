select
    licence_no,
    licence_kind_code,
    holder_credit_code,
    {{ clean_text('holder_name') }} as holder_name,
    decided_on,
    valid_until,
    updated_at,
    _batch_id as batch_id
from {{ source('xzsp', 'licence') }}
