-- Incremental streams with an old census: only a census finds their disappeared rows.
-- Each load counts its own rows.
SELECT DISTINCT ON (c.stream) c.stream AS subject, now() - max(c.counted_at) AS age
FROM {landing}.census AS c
JOIN jsonb_to_recordset(%(tables)s) AS t(stream text, is_counted boolean)
    ON t.stream = c.stream AND t.is_counted
WHERE c.counted_at <= now() + interval '10 minutes'
GROUP BY c.stream, c.tableoid
HAVING now() - max(c.counted_at) > %(census_age)s
ORDER BY c.stream, max(c.counted_at)
