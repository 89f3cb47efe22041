SELECT format('%s landed rows of %s do not say when they landed: was a trigger dropped?', count(*), {table_name})
FROM {landed} AS l
WHERE landed_in IS NULL
HAVING count(*) > 0
