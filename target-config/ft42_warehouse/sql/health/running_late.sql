-- Jobs that have run longer than the time to their next turn.
-- Other jobs do not count while the job nightly runs in its time: Meltano does not let them
-- load then, and the publish of nightly brings their rows, too.
SELECT t.job AS subject, min(t.began_at) AS began_at, now() - min(t.began_at) AS age, turn
FROM {warehouse}.turns AS t
JOIN jsonb_to_recordset(%(jobs)s) AS j(job text, turn interval) USING (job)
WHERE t.ended_at IS NULL AND now() - t.began_at > turn
AND NOT EXISTS (
    SELECT FROM {warehouse}.turns AS night
    JOIN jsonb_to_recordset(%(jobs)s) AS n(job text, turn interval) USING (job)
    WHERE night.job = 'nightly' AND t.job <> 'nightly' AND (
        night.published AND night.ended_at > t.began_at
        OR night.ended_at IS NULL AND now() - night.began_at <= n.turn
    )
)
GROUP BY t.job, turn
ORDER BY t.job
