SELECT
    {table_name} AS table_name, ({row_id})::text AS row_id,
    {column_name} AS foreign_key, {parent_name} AS missing_from, l.{column} AS missing_id,
    l._sdc_batched_at AS landed_at, to_jsonb(l) AS landed_row
FROM {table} AS l
WHERE l.{column} IS NOT NULL AND NOT EXISTS (SELECT FROM {parent} AS p WHERE p.id = l.{column})
AND {is_published_copy}
