-- The last publish, and the sums of all publishes of the last day.
SELECT
    published_at, round(extract(epoch FROM took)::numeric, 1)::float8 AS seconds,
    day.inserted, day.changed, day.deleted
FROM {warehouse}.publishes
CROSS JOIN (
    SELECT
        coalesce(sum(value::bigint) FILTER (WHERE kind = 1), 0)::bigint AS inserted,
        coalesce(sum(value::bigint) FILTER (WHERE kind = 2), 0)::bigint AS changed,
        coalesce(sum(value::bigint) FILTER (WHERE kind = 3), 0)::bigint AS deleted
    FROM {warehouse}.publishes AS p
    CROSS JOIN LATERAL (VALUES (1, p.inserted), (2, p.changed), (3, p.deleted)) AS did(kind, counts)
    CROSS JOIN LATERAL jsonb_each_text(counts)
    WHERE published_at > now() - interval '1 day'
) AS day
ORDER BY publish_id DESC LIMIT 1
