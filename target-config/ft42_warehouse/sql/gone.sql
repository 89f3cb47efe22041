-- Landed rows that a census missed: read before it counted, in a range that it read,
-- and not among the ids that it found there.
INSERT INTO gone
WITH counted AS (
    SELECT parent_id, first_id, last_id, ids, counted_at
    FROM {landing}.census
    WHERE stream = {table_name} AND jsonb_typeof(ids) = 'array' AND landed_in >= {since}
), existing AS (
    SELECT parent_id, first_id, jsonb_array_elements_text(ids)::bigint AS id FROM counted
)
SELECT DISTINCT {table_name}, l.id
FROM counted AS c
JOIN {landed} AS l
    ON l.id BETWEEN c.first_id AND c.last_id AND l._sdc_extracted_at < c.counted_at
WHERE {same_parent} AND NOT EXISTS (
    SELECT FROM existing AS e
    WHERE (e.parent_id, e.first_id, e.id) = (c.parent_id, c.first_id, l.id)
)
