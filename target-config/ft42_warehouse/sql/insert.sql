-- Landed rows that are not published yet and whose parents are.
INSERT INTO {table} AS p ({columns}, first_seen_at, last_changed_at)
SELECT {landed_values}, now(), now()
FROM candidate AS c JOIN {landed} AS l USING ({key})
WHERE {eligible} AND NOT EXISTS (SELECT FROM {table} AS p WHERE {same_row})
