SELECT checked_at, cardinality(broken) AS promises, broken[1] AS first
FROM (SELECT * FROM {warehouse}.checks WHERE checked_at <= now() + interval '10 minutes' ORDER BY checked_at DESC LIMIT 1) AS last
WHERE cardinality(broken) > 0
