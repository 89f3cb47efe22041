-- Derives the bloc and the campus of each coalition, from the bloc that lists it.
-- If several blocs list it, the latest one counts.
UPDATE {published}.coalitions AS p
SET bloc_id = b.bloc_id, campus_id = b.campus_id, last_changed_at = now()
FROM {published}.coalitions AS c
LEFT JOIN (
    SELECT DISTINCT ON (coalition_id)
        {warehouse}.id_of(coalition) AS coalition_id, b.id AS bloc_id, b.campus_id
    FROM {published}.blocs AS b
    CROSS JOIN LATERAL jsonb_path_query(b.coalitions, '$[*]') AS coalition
    ORDER BY coalition_id, b.id DESC
) AS b ON b.coalition_id = c.id
WHERE p.id = c.id
AND (p.bloc_id, p.campus_id) IS DISTINCT FROM (b.bloc_id, b.campus_id)
