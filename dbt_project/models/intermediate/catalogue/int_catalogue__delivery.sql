select
    resource as resource_key,
    max({{ delivery_data_date('delivery') }}) as newest_delivery_on,
    sum(received) as received_count,
    sum(accepted) as accepted_count,
    sum(quarantined) as quarantined_count,
    sum(deduplicated) as deduplicated_count,
    count(*) as delivery_count,
    sum(case when status = 'failed' then 1 else 0 end) as failed_count
from {{ source('ops', 'ingest_outcome') }}
group by resource
