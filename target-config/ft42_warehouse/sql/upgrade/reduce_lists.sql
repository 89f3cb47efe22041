-- Reduces lists in landed rows of older versions, as today's triggers do.
UPDATE ONLY {table} AS l SET {column} = l.{column}
WHERE l.{column} IS DISTINCT FROM {reduced}
