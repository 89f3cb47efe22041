SELECT
    used.requests AS requests_last_hour, used.requests_per_hour, used.allowed_per_hour,
    (
        SELECT coalesce(sum(refusals), 0)::bigint FROM {landing}.sync_runs
        WHERE started_at > now() - interval '1 day'
    ) AS refusals_last_day
FROM {last_hour} AS used
