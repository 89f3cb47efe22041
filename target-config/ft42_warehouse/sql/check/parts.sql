SELECT format('%s rows of %s are not those of %s', count(*), {part_name}, {table_name})
FROM (
    SELECT 1 FROM {part} AS p FULL JOIN (
        SELECT DISTINCT ON ({said_key}) {said_values}
        FROM {table} AS r
        CROSS JOIN LATERAL jsonb_array_elements(
            CASE jsonb_typeof(r.{source}) WHEN 'array' THEN r.{source} ELSE '[]' END
        ) AS item
        CROSS JOIN LATERAL (SELECT {item_values}) AS s ({columns})
        WHERE {key_given}
    ) AS s ON {same_row}
    WHERE ({old_values}) IS DISTINCT FROM ({said_values})
) AS differing
HAVING count(*) > 0
