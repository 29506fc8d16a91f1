{#- Licences of every firm, and how many of them hold on the day the figures speak of. -#}
select
    credit_code,
    cast(count(*) as integer) as licence_count,
    cast(sum(case when source_resource = 'scjg.food_licence' then 1 else 0 end) as integer) as food_licence_count,
    cast(sum(case when valid_until >= {{ as_of_date() }} then 1 else 0 end) as integer) as valid_licence_count
from {{ ref('int_legal_person__licence') }}
group by credit_code
