-- Deletes published rows that have no landed row; only a rebuild looks for them.
DELETE FROM {table} AS p
WHERE NOT EXISTS (SELECT FROM {landed} AS l WHERE {same_row})
