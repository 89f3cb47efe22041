SELECT format('%s rows of %s differ from what landed', count(*), {table_name})
FROM {rows} JOIN {table} AS p ON {same_row}
WHERE {landed_in} < {since} AND ({published_values}) IS DISTINCT FROM ({landed_values})
HAVING count(*) > 0
