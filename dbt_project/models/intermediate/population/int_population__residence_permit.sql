{#- The newest residence permit of every person. -#}
with ranked as (
    select
        resident_id,
        person_name,
        permit_no,
        division_code,
        registered_on,
        valid_until,
        row_number() over (partition by resident_id order by registered_on desc, permit_no desc) as recency
    from {{ ref('stg_gaj__residence_permit') }}
)

select
    resident_id,
    person_name,
    permit_no,
    division_code,
    registered_on,
    valid_until
from ranked
where recency = 1
