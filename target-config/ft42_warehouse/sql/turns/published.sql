-- Also turns that were killed: what they left undone, this one has brought.
WITH ended AS (
    UPDATE {warehouse}.turns SET ended_at = now(), published = true
    WHERE job = %(job)s AND ended_at IS NULL
    RETURNING job
)
-- Whoever took it for failed while it was running was wrong.
INSERT INTO {warehouse}.turns (job, ended_at, published)
SELECT %(job)s, now(), true WHERE NOT EXISTS (SELECT FROM ended)
