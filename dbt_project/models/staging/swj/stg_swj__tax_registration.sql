select
    taxpayer_no,
    {{ clean_text('taxpayer_name') }} as taxpayer_name,
    status_code,
    taxpayer_kind_code,
    registered_on,
    _batch_id as batch_id
from {{ source('swj', 'tax_registration') }}
