{#- The mean is rounded so that the order in which an engine adds cannot show. -#}
select
    reading.device_id,
    device.device_kind_code,
    device.division_code,
    reading.metric_code,
    cast(reading.measured_at as date) as measured_on,
    cast(count(*) as integer) as reading_count,
    min(reading.value) as min_value,
    max(reading.value) as max_value,
    round({{ exact_mean('reading.value', 6) }}, 4) as mean_value
from {{ ref('stg_sthj__device_reading') }} as reading
left join {{ ref('stg_sthj__device') }} as device on reading.device_id = device.device_id
group by
    reading.device_id,
    device.device_kind_code,
    device.division_code,
    reading.metric_code,
    cast(reading.measured_at as date)
