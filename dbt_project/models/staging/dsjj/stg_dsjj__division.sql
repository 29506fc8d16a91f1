select
    division_code,
    {{ clean_text('division_name') }} as division_name,
    level_no,
    parent_code,
    valid_from,
    valid_until,
    _batch_id as batch_id
from {{ source('dsjj', 'division') }}
