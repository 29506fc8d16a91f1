select
    resident_id,
    max(certificate_no) as certificate_no,
    sum(monthly_amount) as monthly_amount
from {{ ref('stg_mzj__subsistence_allowance') }}
group by resident_id
