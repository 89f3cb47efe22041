-- Updates published rows whose landed copy differs.
UPDATE {table} AS p
SET {assignments}, last_changed_at = now()
FROM candidate AS c JOIN {landed} AS l ON {is_copy}
WHERE {same_row} AND ({published_values}) IS DISTINCT FROM ({landed_values})
