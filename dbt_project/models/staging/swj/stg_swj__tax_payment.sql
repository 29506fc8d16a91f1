select
    voucher_no,
    taxpayer_no,
    tax_kind_code,
    period,
    amount,
    paid_on,
    _batch_id as batch_id
from {{ source('swj', 'tax_payment') }}
