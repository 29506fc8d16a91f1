select
    ticket_no,
    caller_phone,
    topic_code,
    handler_dept_code,
    division_code,
    status_code,
    created_at,
    updated_at,
    _batch_id as batch_id
from {{ source('dsjj', 'hotline_ticket') }}
