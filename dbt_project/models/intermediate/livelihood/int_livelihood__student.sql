with ranked as (
    select
        resident_id,
        student_no,
        school_id,
        grade_no,
        row_number() over (partition by resident_id order by enrolled_on desc, student_no desc) as recency
    from {{ ref('stg_jyj__student') }}
)

select
    resident_id,
    student_no,
    school_id,
    grade_no
from ranked
where recency = 1
