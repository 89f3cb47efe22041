-- Jobs whose last turn has failed, unless another finding explains the failure better:
-- that of the tap, of the delete guard, or of an earlier turn that still runs and locks the load.
SELECT t.job AS subject, t.ended_at
FROM (
    SELECT DISTINCT ON (job) * FROM {warehouse}.turns
    WHERE ended_at <= now() + interval '10 minutes'
    ORDER BY job, ended_at DESC
) AS t
WHERE NOT t.published
AND NOT EXISTS (
    SELECT FROM {warehouse}.turns AS other
    WHERE other.job IN (t.job, 'nightly') AND (
        other.published AND other.ended_at > t.ended_at
        OR other.ended_at IS NULL AND other.began_at < t.ended_at
    )
)
AND NOT EXISTS (
    SELECT FROM {last_runs} AS r
    WHERE r.job = t.job AND nth = 1 AND outcome = 'failed'
    AND r.ended_at BETWEEN t.began_at AND t.ended_at
)
AND NOT EXISTS (
    SELECT FROM {warehouse}.refusals WHERE refused_at BETWEEN t.began_at AND t.ended_at
)
ORDER BY t.job
