SELECT
    name, job, as_of,
    floor(extract(epoch FROM now() - as_of))::bigint AS age_seconds,
    extract(epoch FROM allowed)::bigint AS allowed_seconds,
    -- What no run reads is no promise: such streams are off.
    is_read AND coalesce(now() - as_of > allowed, true) AS is_stale,
    is_read
FROM {freshness} AS f
ORDER BY job, name
