SELECT
    name, job, as_of,
    floor(extract(epoch FROM now() - as_of))::bigint AS age_seconds,
    extract(epoch FROM allowed)::bigint AS allowed_seconds,
    -- A stream that no run reads is deselected, so its table cannot be stale.
    is_read AND coalesce(now() - as_of > allowed, true) AS is_stale,
    is_read
FROM {freshness} AS f
ORDER BY job, name
