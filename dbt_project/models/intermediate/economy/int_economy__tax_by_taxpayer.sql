select
    taxpayer_no as credit_code,
    sum(amount) as tax_amount,
    count(*) as payment_count,
    max(paid_on) as last_paid_on
from {{ ref('stg_swj__tax_payment') }}
group by taxpayer_no
