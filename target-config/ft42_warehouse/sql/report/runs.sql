SELECT
    r.started_at, extract(epoch FROM r.ended_at - r.started_at)::float8 AS seconds, r.outcome,
    r.reason, r.requests, r.lower_bound, r.refusals, r.rows,
    (
        SELECT string_agg(DISTINCT job, ', ')
        FROM jsonb_to_recordset(%(tables)s) AS t(stream text, job text)
        WHERE t.stream = ANY (r.streams)
    ) AS jobs
FROM {landing}.sync_runs AS r
ORDER BY r.started_at DESC
LIMIT 12
