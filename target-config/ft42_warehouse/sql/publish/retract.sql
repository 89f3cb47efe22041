-- Deletes published rows that became orphans or left the scope.
DELETE FROM {table} AS p
USING candidate AS c JOIN {landed} AS l ON {is_copy}
WHERE {same_row} AND NOT ({eligible})
