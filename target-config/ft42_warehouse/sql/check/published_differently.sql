SELECT format('%s rows of %s differ from what landed', count(*), {table_name})
FROM {table} AS p JOIN {landed} AS l ON {same_row}
WHERE l.landed_in < {since} AND ({published_values}) IS DISTINCT FROM ({landed_values})
HAVING count(*) > 0
