-- Deletes published rows whose parent this publish has deleted.
DELETE FROM {table} AS p
WHERE p.{column} IN (SELECT id FROM departed WHERE table_name = {parent})
