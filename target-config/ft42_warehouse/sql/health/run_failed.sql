SELECT DISTINCT ON (job) job AS subject, ended_at, coalesce(reason, 'no reason given') AS reason
FROM {last_runs} AS r
WHERE nth = 1 AND outcome = 'failed'
ORDER BY job, ended_at DESC
