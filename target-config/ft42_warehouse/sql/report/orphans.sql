SELECT
    table_name, foreign_key, missing_from, sum(rows)::bigint AS rows, count(*) AS parents,
    (array_agg(missing_id ORDER BY rows DESC, missing_id))[1:5] AS examples
FROM {published}.orphans
GROUP BY table_name, foreign_key, missing_from
ORDER BY rows DESC
