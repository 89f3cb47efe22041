-- Of what waited for a parent: what this publish looks at, and what is gone.
DELETE FROM {warehouse}.waiting
WHERE table_name = {table_name} AND key IN (
    SELECT {key_array} FROM candidate AS l
    UNION ALL
    SELECT ARRAY[id] FROM gone WHERE table_name = {table_name}
)
