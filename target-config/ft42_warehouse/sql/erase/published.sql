DELETE FROM {table} AS p WHERE p.{person} IN (SELECT user_id FROM erased)
