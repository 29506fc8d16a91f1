{#- What was delivered of every resource. A delivery that was refused as a whole does not make the data newer. -#}
select
    resource as resource_key,
    max(case when status <> 'failed' then {{ delivery_data_date('delivery') }} end) as newest_delivery_on,
    cast(sum(received) as bigint) as received_count,
    cast(sum(accepted) as bigint) as accepted_count,
    cast(sum(quarantined) as bigint) as quarantined_count,
    cast(sum(deduplicated) as bigint) as deduplicated_count,
    cast(count(*) as integer) as delivery_count,
    cast(sum(case when status = 'failed' then 1 else 0 end) as integer) as failed_count
from {{ source('ops', 'ingest_outcome') }}
group by resource
