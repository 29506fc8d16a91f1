select
    division_code,
    division_name,
    level_no,
    parent_code,
    valid_from,
    valid_until,
    _batch_id as batch_id
from {{ source('dsjj', 'division') }}
