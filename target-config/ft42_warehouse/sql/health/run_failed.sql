-- Jobs whose last run failed, or lacked rows since the last night began: later runs that read
-- changes only know nothing of these.
SELECT DISTINCT ON (job) job AS subject, ended_at, coalesce(reason, 'no reason given') AS reason
FROM {last_runs} AS r
WHERE outcome = 'failed' AND (
    nth = 1
    OR jsonb_typeof(to_jsonb(r) -> 'lacking_streams') = 'array'
    -- The run's time is by 42's clock.
    AND started_at >= (
        SELECT max(began_at) - interval '10 minutes' FROM {warehouse}.turns WHERE job = 'nightly'
    )
)
ORDER BY job, ended_at DESC
