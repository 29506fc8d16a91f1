select
    credit_code,
    {{ clean_text('org_name') }} as org_name,
    {{ clean_text('legal_rep_name') }} as legal_rep_name,
    legal_rep_resident_id,
    industry_code,
    registered_capital,
    established_on,
    status_code,
    division_code,
    {{ clean_text('address_text') }} as address_text,
    updated_at,
    _batch_id as batch_id
from {{ source('scjg', 'enterprise') }}
