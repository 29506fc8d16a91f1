select
    resident_id,
    {{ clean_text('person_name') }} as person_name,
    sex_code,
    birth_date,
    ethnic_code,
    marital_status_code,
    household_id,
    relation_code,
    division_code,
    {{ clean_text('address_text') }} as address_text,
    phone,
    registration_status_code,
    updated_at,
    _batch_id as batch_id
from {{ source('gaj', 'resident') }}
