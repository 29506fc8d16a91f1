select
    device_id,
    metric_code,
    measured_at,
    value,
    _batch_id as batch_id
from {{ source('sthj', 'device_reading') }}
