SELECT format('%s rows of %s wait for a parent, or no longer wait, unlike what the last publish noted', count(*), {table_name})
FROM (
    (
        SELECT key, foreign_key FROM {warehouse}.waiting WHERE table_name = {table_name}
        EXCEPT
        SELECT string_to_array(row_id, ',')::bigint[], foreign_key
        FROM {published}.orphan_rows WHERE table_name = {table_name}
    )
    UNION ALL
    (
        SELECT string_to_array(row_id, ',')::bigint[], foreign_key
        FROM {published}.orphan_rows WHERE table_name = {table_name}
        EXCEPT
        SELECT key, foreign_key FROM {warehouse}.waiting WHERE table_name = {table_name}
    )
) AS differing
WHERE NOT EXISTS (
    SELECT FROM {landed} AS l WHERE l.landed_in >= {since} AND {key_array} = differing.key
)
HAVING count(*) > 0
