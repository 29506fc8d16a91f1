select
    student_no,
    resident_id,
    {{ clean_text('person_name') }} as person_name,
    school_id,
    grade_no,
    enrolled_on,
    _batch_id as batch_id
from {{ source('jyj', 'student') }}
