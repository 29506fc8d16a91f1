select
    student_no,
    resident_id,
    person_name,
    school_id,
    grade_no,
    enrolled_on,
    _batch_id as batch_id
from {{ source('jyj', 'student') }}
