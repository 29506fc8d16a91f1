{#- 质量评分: 0 to 100 for each dimension of GB/T 36344 and in total. A check counts with the share of rows that pass
    it; rows in quarantine count against 准确性. -#}
with checks as (
    select
        table_name as resource_key,
        dimension,
        case
            when element_count > 0 and unexpected_count is not null
                then 1 - {{ ratio('least(unexpected_count, element_count)', 'element_count') }}
            when success then 1.0
            else 0.0
        end as passed_share
    from {{ source('ops', 'quality_result') }}
    where dimension is not null
),

quarantine as (
    select
        resource_key,
        '准确性' as dimension,
        1 - {{ ratio('quarantined_count', 'received_count') }} as passed_share
    from {{ ref('int_catalogue__delivery') }}
    where received_count > 0
),

shares as (
    select * from checks
    union all
    select * from quarantine
),

scored as (
    select
        resource_key,
        dimension,
        cast(round(100 * {{ exact_mean('passed_share') }}, 2) as decimal(5, 2)) as score,
        cast(count(*) as integer) as check_count
    from shares
    group by
        resource_key,
        dimension
),

totals as (
    select
        resource_key,
        '总分' as dimension,
        cast(round({{ exact_mean('score', 2) }}, 2) as decimal(5, 2)) as score,
        cast(sum(check_count) as integer) as check_count
    from scored
    group by resource_key
),

scores as (
    select * from scored
    union all
    select * from totals
)

select
    entry.resource_key,
    entry.dept,
    entry.resource,
    scores.dimension,
    scores.score,
    scores.check_count
from {{ source('contract', 'resource') }} as entry
inner join scores on entry.resource_key = scores.resource_key
