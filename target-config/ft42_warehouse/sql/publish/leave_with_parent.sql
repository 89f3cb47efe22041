-- Rows whose parent this publish has taken away.
DELETE FROM {table} AS p
WHERE p.{column} IN (SELECT id FROM departed WHERE table_name = {parent})
