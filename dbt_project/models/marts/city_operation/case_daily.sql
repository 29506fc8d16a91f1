select
    cast(reported_at as date) as reported_on,
    case_kind_code,
    substr(division_code, 1, 6) as county_code,
    cast(count(*) as integer) as case_count,
    cast(sum(case when stage_code = '5' then 1 else 0 end) as integer) as closed_count
from {{ ref('stg_cgj__case') }}
group by
    cast(reported_at as date),
    case_kind_code,
    substr(division_code, 1, 6)
