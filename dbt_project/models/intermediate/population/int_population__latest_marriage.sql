{#- The last marriage event of every person, and the marital status that follows: divorced after a divorce, widowed
    when the spouse has died since, otherwise married. -#}
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
    event.resident_id,
    event.kind_code,
    event.spouse_resident_id,
    event.registered_on,
    event.registration_no,
    case
        when event.kind_code = '2' then '40'
        when spouse.resident_id is not null then '30'
        else '20'
    end as marital_status_code
from ranked as event
left join {{ ref('int_population__death') }} as spouse on event.spouse_resident_id = spouse.resident_id
where event.recency = 1
