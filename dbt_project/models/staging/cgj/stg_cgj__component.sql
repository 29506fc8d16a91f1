select
    component_code,
    component_kind_code,
    owner_dept_code,
    division_code,
    longitude,
    latitude,
    is_working,
    surveyed_on,
    _batch_id as batch_id
from {{ source('cgj', 'component') }}
