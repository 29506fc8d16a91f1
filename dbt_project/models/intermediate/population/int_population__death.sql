{#- One death a person: the earliest certificate. -#}
select
    resident_id,
    min(death_date) as death_date,
    min(certificate_no) as certificate_no
from {{ ref('stg_wjw__death') }}
group by resident_id
