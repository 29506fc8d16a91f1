select
    licence_no,
    'scjg.food_licence' as source_resource,
    'F' || business_kind_code as licence_kind_code,
    credit_code,
    valid_from as decided_on,
    valid_until
from {{ ref('stg_scjg__food_licence') }}

union all

select
    licence_no,
    'xzsp.licence' as source_resource,
    licence_kind_code,
    holder_credit_code as credit_code,
    decided_on,
    valid_until
from {{ ref('stg_xzsp__licence') }}
