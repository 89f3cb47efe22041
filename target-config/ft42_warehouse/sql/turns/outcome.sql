-- What the last loads of a job's streams missed.
-- A later run that shares a stream replaces a run: it has read the missing rows, or they are no
-- longer selected.
SELECT r.reason
FROM {landing}.sync_runs AS r
WHERE r.outcome = 'failed' AND r.end_date IS NULL AND r.streams && %(streams)s::text[]
AND NOT EXISTS (
    SELECT FROM {landing}.sync_runs AS later
    WHERE later.tableoid = r.tableoid AND later.end_date IS NULL
    AND later.streams && r.streams AND later.started_at > r.started_at
    -- A run with a time in the future is ignored: a wrong clock dated it.
    AND later.started_at <= now() + interval '10 minutes'
)
ORDER BY r.started_at
