SELECT
    table_name AS subject, refused_at, would_delete, of_rows,
    round(100.0 * would_delete / greatest(of_rows, 1), 1) AS percent
FROM {warehouse}.refusals
WHERE refused_at = (
    SELECT max(refused_at) FROM {warehouse}.refusals WHERE refused_at <= now() + interval '10 minutes'
)
AND refused_at > coalesce(
    (SELECT max(published_at) FROM {warehouse}.publishes WHERE published_at <= now() + interval '10 minutes'),
    '-infinity'
)
