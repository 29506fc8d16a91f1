{#- Places against pupils: where the next school is needed. -#}
with enrolled as (
    select
        school_id,
        count(*) as student_count
    from {{ ref('stg_jyj__student') }}
    group by school_id
)

select
    school.school_id,
    school.school_name,
    school.school_kind_code,
    school.division_code,
    school.capacity,
    coalesce(cast(enrolled.student_count as integer), 0) as student_count,
    cast(round({{ ratio('coalesce(enrolled.student_count, 0)', 'school.capacity') }}, 4) as decimal(9, 4))
        as occupancy_ratio
from {{ ref('stg_jyj__school') }} as school
left join enrolled on school.school_id = enrolled.school_id
