INSERT INTO {warehouse}.checks (broken, orphans)
SELECT %(broken)s::text[], coalesce(jsonb_object_agg(table_name, rows), '{{}}')
FROM {waiting} AS waiting
