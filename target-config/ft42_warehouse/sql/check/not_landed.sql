SELECT format('%s rows of %s are published, but not in the landing schema', count(*), {table_name})
FROM {table} AS p
WHERE NOT EXISTS (SELECT FROM {landed} AS l WHERE {same_row})
HAVING count(*) > 0
