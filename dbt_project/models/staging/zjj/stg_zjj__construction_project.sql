select
    permit_no,
    project_code,
    builder_credit_code,
    contract_amount,
    floor_area,
    planned_start,
    planned_finish,
    issued_on,
    _batch_id as batch_id
from {{ source('zjj', 'construction_project') }}
