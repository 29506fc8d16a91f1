select
    cast(created_at as date) as created_on,
    handler_dept_code,
    topic_code,
    cast(count(*) as integer) as ticket_count,
    cast(sum(case when status_code in ('3', '4') then 1 else 0 end) as integer) as closed_count
from {{ ref('stg_dsjj__hotline_ticket') }}
group by
    cast(created_at as date),
    handler_dept_code,
    topic_code
