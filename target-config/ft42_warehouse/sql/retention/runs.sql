-- Deletes old runs, except the last run and the last complete run of each stream and load:
-- they tell how old a table is that has not been read for a long time.
DELETE FROM {landing}.sync_runs AS r
WHERE r.started_at < {before} AND NOT EXISTS (
    SELECT FROM (
        SELECT DISTINCT ON (o.tableoid, stream, o.outcome = 'complete') o.tableoid, o.run_id
        FROM {landing}.sync_runs AS o
        CROSS JOIN unnest(o.streams) AS stream
        WHERE o.end_date IS NULL
        ORDER BY o.tableoid, stream, o.outcome = 'complete', o.started_at DESC
    ) AS last
    WHERE (last.tableoid, last.run_id) = (r.tableoid, r.run_id)
)
