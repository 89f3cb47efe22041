    SELECT {table_name} AS table_name, count(*) AS rows
    FROM {warehouse}.waiting AS w
    WHERE w.table_name = {table_name}
    AND NOT EXISTS (SELECT FROM {landed} AS l WHERE l.landed_in >= {since} AND {key_array} = w.key)
    UNION ALL
    SELECT {table_name}, count(*)
    FROM {landed} AS l
    CROSS JOIN LATERAL (
{missing}
    ) AS lacks (foreign_key, missing_from, missing_id)
    WHERE ({row}) IN (
        SELECT {row} FROM {landed} AS l
        WHERE l.landed_in >= {since} AND NOT EXISTS (SELECT FROM {table} AS p WHERE {same_row})
    )
