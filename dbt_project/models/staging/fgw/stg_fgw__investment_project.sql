select
    project_code,
    project_name,
    owner_credit_code,
    total_investment,
    stage_code,
    division_code,
    approved_on,
    _batch_id as batch_id
from {{ source('fgw', 'investment_project') }}
