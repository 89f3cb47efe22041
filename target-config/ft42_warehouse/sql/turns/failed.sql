-- Notes that the turn of a job which has just ended has failed, unless it has published.
-- A turn without an end has not published. Only the last one is ended here: an earlier one may
-- still run, and be the reason why this one was refused. If no beginning was noted, a publish
-- without a noted end belongs to this turn if it is recent; otherwise it belongs to an earlier
-- turn.
WITH ended AS (
    UPDATE {warehouse}.turns SET ended_at = now(), published = false, noted_at = now()
    WHERE ended_at IS NULL AND job = %(job)s
    AND began_at = (SELECT max(began_at) FROM {warehouse}.turns WHERE job = %(job)s)
    RETURNING job
), noted AS (
    UPDATE {warehouse}.turns SET noted_at = now()
    WHERE job = %(job)s AND published AND noted_at IS NULL AND NOT EXISTS (SELECT FROM ended)
    RETURNING ended_at
)
INSERT INTO {warehouse}.turns (job, began_at, ended_at, published, noted_at)
SELECT
    %(job)s,
    coalesce((
        SELECT max(ended_at) FROM {warehouse}.turns WHERE job = %(job)s AND published
    ), now()),
    now(), false, now()
WHERE NOT EXISTS (SELECT FROM ended)
AND NOT EXISTS (SELECT FROM noted WHERE ended_at > now() - %(recent)s)
