{#- 列级血缘: which columns a column is computed from. The pipeline reads it from the project's own compiled SQL. -#}
select
    upstream,
    upstream_column,
    downstream,
    downstream_column
from {{ source('contract', 'lineage_column') }}
