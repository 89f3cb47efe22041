-- Requests of the last hour. A run that began before counts for the part of its time
-- that lies within.
(
    SELECT
        coalesce(round(sum(requests * coalesce(
            extract(epoch FROM ended_at - greatest(started_at, now() - interval '1 hour'))
            / nullif(extract(epoch FROM ended_at - started_at), 0),
            1
        ))), 0)::bigint AS requests,
        (
            SELECT requests_per_hour FROM {landing}.sync_runs ORDER BY started_at DESC LIMIT 1
        ) AS requests_per_hour
    FROM {landing}.sync_runs
    WHERE ended_at > now() - interval '1 hour'
)
