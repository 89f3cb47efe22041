SELECT name AS subject, job, as_of, now() - as_of AS age, allowed
FROM {freshness} AS f
WHERE now() - as_of > allowed
ORDER BY job, name
