-- Rows of older versions, as the triggers would let them in today.
UPDATE ONLY {table} AS l SET {column} = l.{column}
WHERE l.{column} IS DISTINCT FROM {reduced}
