select
    case_no,
    case_kind_code,
    component_code,
    division_code,
    longitude,
    latitude,
    stage_code,
    reported_at,
    closed_at,
    updated_at,
    _batch_id as batch_id
from {{ source('cgj', 'case') }}
