-- The landed rows of a table that wait for a parent.
-- It shows only ids, as readers may see only published rows. Most rows are published: the
-- indexes of both keys show that without a look at the rows.
SELECT
    {table_name} AS table_name, ({row_id})::text AS row_id,
    lacks.foreign_key, lacks.missing_from, lacks.missing_id,
    l._sdc_batched_at AS landed_at, jsonb_build_object({ids}) AS landed_row
FROM {landed} AS l
CROSS JOIN LATERAL (
{missing}
) AS lacks (foreign_key, missing_from, missing_id)
WHERE ({copy_key}) IN (
    SELECT {copy_key} FROM {landed} AS l
    WHERE NOT EXISTS (SELECT FROM {table} AS p WHERE {same_row})
)
