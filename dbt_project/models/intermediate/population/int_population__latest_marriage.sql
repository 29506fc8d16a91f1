{#- The last marriage event of every person: the status that the civil affairs office knows. -#}
with events as (
    select
        registration_no,
        kind_code,
        registered_on,
        husband_resident_id as resident_id,
        wife_resident_id as spouse_resident_id
    from {{ ref('stg_mzj__marriage') }}

    union all

    select
        registration_no,
        kind_code,
        registered_on,
        wife_resident_id as resident_id,
        husband_resident_id as spouse_resident_id
    from {{ ref('stg_mzj__marriage') }}
),

ranked as (
    select
        registration_no,
        kind_code,
        registered_on,
        resident_id,
        spouse_resident_id,
        row_number() over (partition by resident_id order by registered_on desc, registration_no desc) as recency
    from events
)

select
    resident_id,
    kind_code,
    spouse_resident_id,
    registered_on,
    registration_no,
    case when kind_code = '2' then '40' else '20' end as marital_status_code
from ranked
where recency = 1
