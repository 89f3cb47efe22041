-- What a lost foreign key let in; the next publish brings it back when its parent has come.
DELETE FROM {table} AS p
WHERE p.{column} IS NOT NULL AND NOT EXISTS (SELECT FROM {parent} AS r WHERE r.id = p.{column})
