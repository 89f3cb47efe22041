-- A job has ended: its turn has failed unless it published. A turn that is open has not;
-- only the last one, as an earlier one may still run, which is why this one was refused.
-- Where nobody noted a beginning, a publish that nobody was told of yet is the turn's if it
-- is recent; else it is that of an earlier turn, behind which nobody called.
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
