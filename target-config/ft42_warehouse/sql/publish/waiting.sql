-- Notes the candidates that wait for a parent now.
INSERT INTO {warehouse}.waiting
SELECT {table_name}, {key_array}, lacks.foreign_key
FROM {landed} AS l
CROSS JOIN LATERAL (
{missing}
) AS lacks (foreign_key, missing_from, missing_id)
WHERE ({row}) IN (
    SELECT {row} FROM candidate AS l
    WHERE NOT EXISTS (SELECT FROM {table} AS p WHERE {same_row})
)
