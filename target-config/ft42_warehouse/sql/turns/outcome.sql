-- What the last loads that read streams of a job missed. A later run that shares a stream
-- with one takes its place: it read again what was missing, or nobody wants that any more.
SELECT r.reason
FROM {landing}.sync_runs AS r
WHERE r.outcome = 'failed' AND r.end_date IS NULL AND r.streams && %(streams)s::text[]
AND NOT EXISTS (
    SELECT FROM {landing}.sync_runs AS later
    WHERE later.tableoid = r.tableoid AND later.end_date IS NULL
    AND later.streams && r.streams AND later.started_at > r.started_at
    -- A clock was wrong: it does not hide what came after.
    AND later.started_at <= now() + interval '10 minutes'
)
ORDER BY r.started_at
