-- Deletes published rows that have disappeared, and that no other load has.
DELETE FROM {table} AS p
WHERE p.id IN (SELECT id FROM gone WHERE table_name = {table_name})
AND NOT EXISTS (SELECT FROM {landed} AS l WHERE {same_row})
