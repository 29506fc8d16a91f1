select
    address_id,
    {{ clean_text('address_text') }} as address_text,
    division_code,
    longitude,
    latitude,
    published_on,
    _batch_id as batch_id
from {{ source('zrzy', 'address') }}
