select
    employer_credit_code as credit_code,
    count(distinct resident_id) as insured_count
from {{ ref('stg_rsj__social_insurance') }}
where status_code = '1'
group by employer_credit_code
