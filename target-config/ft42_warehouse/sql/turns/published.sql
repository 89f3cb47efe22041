-- Notes that a job has published. Killed turns end, too: this publish has brought their rows.
WITH ended AS (
    UPDATE {warehouse}.turns SET ended_at = now(), published = true
    WHERE job = %(job)s AND ended_at IS NULL
    RETURNING job
)
-- If the running turn was noted as failed by mistake, this adds the right entry.
INSERT INTO {warehouse}.turns (job, ended_at, published)
SELECT %(job)s, now(), true WHERE NOT EXISTS (SELECT FROM ended)
