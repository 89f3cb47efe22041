-- Published rows that the landing schema does not know (only looked for in a rebuild).
DELETE FROM {table} AS p
WHERE NOT EXISTS (SELECT FROM {landed} AS l WHERE {same_row})
