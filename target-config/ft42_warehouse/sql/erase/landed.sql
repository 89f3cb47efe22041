DELETE FROM {landed} AS l WHERE l.{person} IN (SELECT user_id FROM erased)
