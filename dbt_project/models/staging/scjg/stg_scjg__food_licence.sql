select
    licence_no,
    credit_code,
    business_kind_code,
    valid_from,
    valid_until,
    updated_at,
    _batch_id as batch_id
from {{ source('scjg', 'food_licence') }}
