select
    source_resource,
    licence_no,
    licence_kind_code,
    credit_code,
    decided_on,
    valid_until,
    valid_until >= {{ as_of_date() }} as is_valid
from {{ ref('int_legal_person__licence') }}
