{#- Births, marriages, divorces and deaths as one stream of events. -#}
select
    'birth' as event_kind,
    certificate_no as event_no,
    cast(null as varchar) as resident_id,
    mother_resident_id as related_resident_id,
    birth_date as event_date,
    'wjw.birth' as source_resource
from {{ ref('stg_wjw__birth') }}

union all

select
    'death' as event_kind,
    certificate_no as event_no,
    resident_id,
    cast(null as varchar) as related_resident_id,
    death_date as event_date,
    'wjw.death' as source_resource
from {{ ref('stg_wjw__death') }}

union all

select
    case kind_code when '2' then 'divorce' else 'marriage' end as event_kind,
    registration_no as event_no,
    husband_resident_id as resident_id,
    wife_resident_id as related_resident_id,
    registered_on as event_date,
    'mzj.marriage' as source_resource
from {{ ref('stg_mzj__marriage') }}
