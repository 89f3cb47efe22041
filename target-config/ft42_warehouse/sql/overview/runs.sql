SELECT DISTINCT ON (job)
    job, run_id, started_at, ended_at, outcome, reason, requests, lower_bound, refusals, retries,
    rows, rows_emitted, round(extract(epoch FROM ended_at - started_at))::bigint AS seconds
FROM {last_runs} AS r
WHERE nth = 1
ORDER BY job, started_at DESC
