SELECT format('%s landed rows of %s are not published, though nothing is missing', count(*), {table_name})
FROM {rows}
WHERE {landed_in} < {since} AND {eligible}
AND NOT EXISTS (SELECT FROM {table} AS p WHERE {same_row})
HAVING count(*) > 0
