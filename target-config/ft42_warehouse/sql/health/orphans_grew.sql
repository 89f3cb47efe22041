-- Tables whose orphans have grown since the first check of the last eight days.
-- The orphans of that check are normal ones, such as rows of alumni and visitors. A stream that
-- was selected later counts from its first complete run on.
SELECT
    w.table_name AS subject, w.rows, w.rows - was.rows AS more, was.checked_at,
    round(100.0 * (w.rows - was.rows) / greatest(l.rows, 1), 1) AS percent
FROM {waiting} AS w
JOIN {landed_rows} AS l USING (table_name)
CROSS JOIN LATERAL (
    SELECT checked_at, coalesce((orphans ->> w.table_name)::bigint, 0) AS rows
    FROM {warehouse}.checks
    WHERE checked_at > now() - interval '8 days' AND checked_at > (
        SELECT CASE
            WHEN count(*) = 0 THEN '-infinity'
            ELSE min(r.ended_at) FILTER (WHERE r.outcome = 'complete')
        END
        FROM {landing}.sync_runs AS r
        JOIN jsonb_to_recordset(%(tables)s) AS t(name text, stream text)
            ON t.stream = ANY (r.streams)
        WHERE t.name = w.table_name AND r.end_date IS NULL
    )
    ORDER BY checked_at LIMIT 1
) AS was
WHERE 100.0 * (w.rows - was.rows) > %(orphan_percent)s * l.rows
ORDER BY w.table_name
