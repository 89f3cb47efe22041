WITH erased_rows AS (
    DELETE FROM {landed} AS l WHERE l.{person} IN (SELECT user_id FROM erased)
    RETURNING {key_array} AS key
)
DELETE FROM {warehouse}.waiting
WHERE table_name = {table_name} AND key IN (SELECT key FROM erased_rows)
