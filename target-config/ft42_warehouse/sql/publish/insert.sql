-- Landed rows that are not published yet and whose parents are.
INSERT INTO {table} AS p ({columns}, first_seen_at, last_changed_at)
SELECT {landed_values}, now(), now()
FROM candidate AS c JOIN {landed} AS l ON {is_copy}
WHERE {eligible}
-- No NOT EXISTS: in a first publish it would go through all that it has inserted.
ON CONFLICT DO NOTHING
