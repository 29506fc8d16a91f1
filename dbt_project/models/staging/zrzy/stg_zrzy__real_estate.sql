select
    certificate_no,
    house_id,
    owner_resident_id,
    {{ clean_text('owner_name') }} as owner_name,
    share_ratio,
    registered_on,
    updated_at,
    _batch_id as batch_id
from {{ source('zrzy', 'real_estate') }}
