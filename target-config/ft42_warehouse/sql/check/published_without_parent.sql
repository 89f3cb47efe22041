SELECT format('%s rows of %s point to a missing row of %s by %s',
    count(*), {table_name}, {parent_name}, {column_name})
FROM {table} AS p
WHERE p.{column} IS NOT NULL AND NOT EXISTS (SELECT FROM {parent} AS r WHERE r.id = p.{column})
HAVING count(*) > 0
