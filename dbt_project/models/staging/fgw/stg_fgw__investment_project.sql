select
    project_code,
    {{ clean_text('project_name') }} as project_name,
    owner_credit_code,
    total_investment,
    stage_code,
    division_code,
    approved_on,
    _batch_id as batch_id
from {{ source('fgw', 'investment_project') }}
