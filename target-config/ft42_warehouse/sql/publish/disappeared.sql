-- Deletes landed rows that have disappeared, by the census of their own load.
-- These rows were read before the census, and lie in a range whose ids it listed, but their ids
-- are not among these.
WITH counted AS (
    SELECT cursus_id, parent_id, first_id, last_id, ids, counted_at
    FROM ONLY {landing}.census
    WHERE stream = {table_name} AND jsonb_typeof(ids) = 'array' AND landed_in >= {since}
    -- A census with a time in the future is ignored: a wrong clock dated it.
    AND counted_at <= now() + interval '10 minutes'
), existing AS (
    SELECT cursus_id, parent_id, first_id, jsonb_array_elements_text(ids)::bigint AS id
    FROM counted
), missed AS (
    DELETE FROM ONLY {landed} AS l
    USING counted AS c
    WHERE l.id BETWEEN c.first_id AND c.last_id AND l._sdc_extracted_at < c.counted_at
    AND {same_list} AND NOT EXISTS (
        SELECT FROM existing AS e
        WHERE (e.cursus_id, e.parent_id, e.first_id, e.id)
            = (c.cursus_id, c.parent_id, c.first_id, l.id)
    )
    RETURNING l.id
)
INSERT INTO gone SELECT DISTINCT {table_name}, id FROM missed
