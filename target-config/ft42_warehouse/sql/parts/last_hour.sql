-- The requests of the last hour, of the application that sent the most.
-- A run that began earlier counts in proportion to its time within the hour. An application is
-- identified by the end of its secret. This and 42's limits are read through JSON, as tables of
-- older versions lack the columns.
(
    SELECT coalesce(used.requests, 0) AS requests, used.requests_per_hour, used.allowed_per_hour
    FROM (SELECT) AS always
    LEFT JOIN (
        SELECT
            round(sum(requests * coalesce(
                extract(epoch FROM ended_at - greatest(started_at, now() - interval '1 hour'))
                / nullif(extract(epoch FROM ended_at - started_at), 0),
                1
            )) FILTER (WHERE ended_at > now() - interval '1 hour'))::bigint AS requests,
            (array_agg(requests_per_hour ORDER BY started_at DESC))[1] AS requests_per_hour,
            (array_agg(
                (to_jsonb(r) ->> 'allowed_per_hour')::bigint ORDER BY started_at DESC
            ))[1] AS allowed_per_hour,
            max(started_at) AS last_run
        FROM {landing}.sync_runs AS r
        GROUP BY to_jsonb(r) ->> 'secret_valid_until'
        ORDER BY requests DESC NULLS LAST, last_run DESC
        LIMIT 1
    ) AS used ON true
)
