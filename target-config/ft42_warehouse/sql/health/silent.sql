-- Tables that are read in time, and that changed on each day of a week, but not since then.
WITH changed AS (
    SELECT DISTINCT key AS name, published_at::date AS day
    FROM {warehouse}.publishes
    CROSS JOIN LATERAL jsonb_object_keys(inserted || changed || deleted) AS key
    WHERE published_at > now() - interval '30 days'
), last AS (
    SELECT name, max(day) AS day FROM changed GROUP BY name
)
SELECT f.name AS subject, last.day::timestamptz AS last_changed, current_date - last.day AS days
FROM {freshness} AS f
JOIN last USING (name)
WHERE now() - f.as_of <= f.allowed AND current_date - last.day > %(silent_days)s
AND 7 = (
    SELECT count(*) FROM changed
    WHERE changed.name = f.name AND changed.day > last.day - 7
)
ORDER BY f.name
