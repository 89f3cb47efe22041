-- Deletes rows that violate a lost foreign key; a publish brings them back with their parent.
DELETE FROM {table} AS p
WHERE p.{column} IS NOT NULL AND NOT EXISTS (SELECT FROM {parent} AS r WHERE r.id = p.{column})
