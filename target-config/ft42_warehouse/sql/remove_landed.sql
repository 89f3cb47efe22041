DELETE FROM {landed} AS l
WHERE l.id IN (SELECT id FROM gone WHERE table_name = {table_name})
