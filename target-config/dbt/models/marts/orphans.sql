-- `rows` is a reserved word in some warehouses.
select table_name, foreign_key, missing_from, missing_id, count(*) as row_count
from {{ ref('orphan_rows') }}
group by table_name, foreign_key, missing_from, missing_id
