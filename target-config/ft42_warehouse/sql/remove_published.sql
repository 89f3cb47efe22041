DELETE FROM {table} AS p
WHERE p.id IN (SELECT id FROM gone WHERE table_name = {table_name})
