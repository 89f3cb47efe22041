-- Ids that the last census found, but that never landed.
-- Rejected records do not land, and neither do rows of persons who are erased for good.
SELECT format('%s rows of %s exist at 42, says the census, but have not landed', count(DISTINCT c.id), {table_name})
FROM (
    SELECT DISTINCT c.cursus_id, jsonb_array_elements_text(c.ids)::bigint AS id
    FROM {last_census} AS c WHERE jsonb_typeof(c.ids) = 'array'
) AS c
WHERE NOT EXISTS (SELECT FROM ONLY {landed} AS l WHERE l.id = c.id AND {same_cursus})
AND c.id NOT IN (
    SELECT record_id::bigint FROM ONLY {landing}.rejected_records
    WHERE stream = {table_name} AND record_id ~ '^[0-9]{{1,18}}$'
)
HAVING count(DISTINCT c.id) > {excused}
