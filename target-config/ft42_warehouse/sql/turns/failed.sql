-- Only the last one: an earlier one may still run, which is why this one was refused.
UPDATE {warehouse}.turns SET ended_at = now(), published = false
WHERE ended_at IS NULL AND job = %(job)s
AND began_at = (SELECT max(began_at) FROM {warehouse}.turns WHERE job = %(job)s)
