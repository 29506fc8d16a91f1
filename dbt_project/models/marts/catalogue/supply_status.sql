{#- 供应状态: the promised update cycle against the newest data, as of the day the figures speak of. -#}
with dated as (
    select
        entry.resource_key,
        entry.dept,
        entry.resource,
        entry.update_cycle,
        entry.max_age_hours,
        entry.late_after_hours,
        coalesce(extent.row_count, 0) as row_count,
        greatest(
            coalesce(extent.newest_on, delivery.newest_delivery_on),
            coalesce(delivery.newest_delivery_on, extent.newest_on)
        ) as newest_on,
        coalesce(delivery.delivery_count, 0) as delivery_count,
        coalesce(delivery.failed_count, 0) as failed_count
    from {{ source('contract', 'resource') }} as entry
    left join {{ ref('int_catalogue__extent') }} as extent on entry.resource_key = extent.resource_key
    left join {{ ref('int_catalogue__delivery') }} as delivery on entry.resource_key = delivery.resource_key
)

select
    resource_key,
    dept,
    resource,
    update_cycle,
    max_age_hours,
    late_after_hours,
    row_count,
    newest_on,
    {{ days_between('newest_on', as_of_date()) }} as age_days,
    delivery_count,
    failed_count,
    case
        when row_count = 0 then '未供'
        when newest_on is null then '按时'
        when {{ days_between('newest_on', as_of_date()) }} * 24 > late_after_hours then '逾期'
        else '按时'
    end as status
from dated
