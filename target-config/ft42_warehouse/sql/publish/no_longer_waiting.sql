-- Removes candidates and disappeared rows from the list of waiting rows.
DELETE FROM {warehouse}.waiting
WHERE table_name = {table_name} AND key IN (
    SELECT {key_array} FROM candidate AS l
    UNION ALL
    SELECT ARRAY[id] FROM gone WHERE table_name = {table_name}
)
