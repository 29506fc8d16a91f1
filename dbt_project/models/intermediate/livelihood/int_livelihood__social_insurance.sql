select
    resident_id,
    count(*) as insurance_count,
    sum(case when status_code = '1' then 1 else 0 end) as active_insurance_count,
    max(case when status_code = '1' then payment_base end) as payment_base,
    max(case when status_code = '1' then employer_credit_code end) as employer_credit_code
from {{ ref('stg_rsj__social_insurance') }}
group by resident_id
