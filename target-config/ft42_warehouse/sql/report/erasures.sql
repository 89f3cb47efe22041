-- The number of erased persons, without their ids.
SELECT
    reason,
    count(*) FILTER (WHERE erased_at > now() - interval '1 day') AS day,
    count(*) FILTER (WHERE erased_at > now() - interval '7 days') AS week,
    count(*) AS persons
FROM {warehouse}.erasures
GROUP BY reason
ORDER BY reason
