{#- 信息项: one row a column of a resource. -#}
select
    resource_key,
    dept,
    resource,
    position,
    name,
    business_name,
    physical_type,
    data_type_code,
    data_type_name,
    is_required,
    is_key,
    classification,
    grade_name,
    item,
    item_name,
    unit,
    code_list,
    reference,
    mask,
    authority_dept,
    description
from {{ source('contract', 'property') }}
