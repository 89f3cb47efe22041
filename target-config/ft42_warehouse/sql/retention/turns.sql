DELETE FROM {warehouse}.turns AS t
WHERE began_at < {before}
AND began_at < (SELECT max(began_at) FROM {warehouse}.turns AS o WHERE o.job = t.job)
