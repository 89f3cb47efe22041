SELECT format('%s rows of %s have an impossible %s, such as %s', count(*), {table_name}, {column_name}, min({column}))
FROM {table}
WHERE {column} NOT BETWEEN '1990-01-01+00' AND {latest}
HAVING count(*) > 0
