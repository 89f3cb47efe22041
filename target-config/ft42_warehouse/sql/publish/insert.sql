-- Inserts landed rows that are not published yet, if their parents are.
INSERT INTO {table} AS p ({columns}, first_seen_at, last_changed_at)
SELECT {landed_values}, now(), now()
FROM candidate AS c JOIN {landed} AS l ON {is_copy}
WHERE {eligible}
-- NOT EXISTS would be slow: in a first publish it would search all rows inserted so far.
ON CONFLICT DO NOTHING
