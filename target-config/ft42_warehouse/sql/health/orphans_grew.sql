-- Against the first check of the last eight days: what waited then is what always waits,
-- as rows of alumni and visitors do.
SELECT
    w.table_name AS subject, w.rows, w.rows - was.rows AS more, was.checked_at,
    round(100.0 * (w.rows - was.rows) / greatest(l.rows, 1), 1) AS percent
FROM {waiting} AS w
JOIN {landed_rows} AS l USING (table_name)
CROSS JOIN LATERAL (
    SELECT checked_at, coalesce((orphans ->> w.table_name)::bigint, 0) AS rows
    FROM {warehouse}.checks
    WHERE checked_at > now() - interval '8 days'
    ORDER BY checked_at LIMIT 1
) AS was
WHERE 100.0 * (w.rows - was.rows) > %(orphan_percent)s * l.rows
ORDER BY w.table_name
