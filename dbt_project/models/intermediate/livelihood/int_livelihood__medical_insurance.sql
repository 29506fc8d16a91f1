with ranked as (
    select
        resident_id,
        insured_no,
        scheme_code,
        row_number() over (partition by resident_id order by insured_on desc, insured_no desc) as recency
    from {{ ref('stg_ylbj__medical_insurance') }}
)

select
    resident_id,
    insured_no,
    scheme_code
from ranked
where recency = 1
