-- Updates the table of a list's items, for the rows that this publish has changed.
WITH changed AS (
    SELECT * FROM {table} AS r WHERE {is_looked_at}
), said AS (
    SELECT DISTINCT ON ({said_key}) {said_values}
    FROM changed AS r
    CROSS JOIN LATERAL jsonb_array_elements(
        CASE jsonb_typeof(r.{source}) WHEN 'array' THEN r.{source} ELSE '[]' END
    ) AS item
    CROSS JOIN LATERAL (SELECT {item_values}) AS s ({columns})
    WHERE {key_given}
), removed AS (
    DELETE FROM {part} AS p USING changed AS r
    WHERE p.{part_of} = r.id AND NOT EXISTS (SELECT FROM said AS s WHERE {same_row})
)
INSERT INTO {part} AS p ({columns}, first_seen_at, last_changed_at)
SELECT {columns}, now(), now() FROM said
ON CONFLICT ({key}) DO UPDATE SET ({columns}, last_changed_at) = ROW ({new_values}, now())
WHERE ({old_values}) IS DISTINCT FROM ({new_values})
