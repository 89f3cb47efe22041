-- Published rows that became orphans or left the scope.
DELETE FROM {table} AS p
USING candidate AS c JOIN {landed} AS l USING ({key})
WHERE {same_row} AND NOT ({eligible})
