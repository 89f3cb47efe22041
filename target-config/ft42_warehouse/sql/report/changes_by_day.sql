-- Rows that came from the API, and rows that were published, by day.
WITH day AS (
    SELECT day::date FROM generate_series(current_date - 13, current_date, interval '1 day') AS day
), came AS (
    SELECT q.stream AS name, r.started_at::date AS day, sum(q.rows)::bigint AS rows
    FROM {landing}.sync_requests AS q JOIN {landing}.sync_runs AS r USING (run_id)
    WHERE r.started_at >= current_date - 13
    GROUP BY 1, 2
), changed AS (
    SELECT key AS name, published_at::date AS day, sum(value::bigint)::bigint AS rows
    FROM {warehouse}.publishes AS p
    CROSS JOIN LATERAL (VALUES (p.inserted), (p.changed), (p.deleted)) AS did(counts)
    CROSS JOIN LATERAL jsonb_each_text(counts)
    WHERE published_at >= current_date - 13
    GROUP BY 1, 2
)
SELECT
    t.name, day.day, coalesce(came.rows, 0) AS came, coalesce(changed.rows, 0) AS changed
FROM jsonb_to_recordset(%(tables)s) AS t(name text)
CROSS JOIN day
LEFT JOIN came ON (came.name, came.day) = (t.name, day.day)
LEFT JOIN changed ON (changed.name, changed.day) = (t.name, day.day)
ORDER BY t.name, day.day
