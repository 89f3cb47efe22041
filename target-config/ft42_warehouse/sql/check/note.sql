INSERT INTO {warehouse}.checks (broken, orphans)
SELECT %(broken)s::text[], coalesce(jsonb_object_agg(table_name, rows), '{{}}')
FROM (
    SELECT table_name, sum(rows)::bigint AS rows FROM {published}.orphans GROUP BY table_name
) AS waiting
