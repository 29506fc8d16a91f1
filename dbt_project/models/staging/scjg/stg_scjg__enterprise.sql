select
    credit_code,
    org_name,
    legal_rep_name,
    legal_rep_resident_id,
    industry_code,
    registered_capital,
    established_on,
    status_code,
    division_code,
    address_text,
    updated_at,
    _batch_id as batch_id
from {{ source('scjg', 'enterprise') }}
