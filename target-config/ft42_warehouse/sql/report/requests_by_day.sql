SELECT
    day::date AS day, count(r.run_id) AS runs,
    coalesce(sum(r.requests), 0)::bigint AS requests,
    coalesce(sum(r.lower_bound), 0)::bigint AS lower_bound,
    coalesce(sum(r.refusals), 0)::bigint AS refusals
FROM generate_series(current_date - 13, current_date, interval '1 day') AS day
LEFT JOIN {landing}.sync_runs AS r ON r.started_at >= day AND r.started_at < day + interval '1 day'
GROUP BY day
ORDER BY day
