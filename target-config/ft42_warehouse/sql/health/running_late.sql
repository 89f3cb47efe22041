-- Not while the night is in its time: Meltano refuses others the load that it holds, and
-- its publish brings what they would have brought.
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
