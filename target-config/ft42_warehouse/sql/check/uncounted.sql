-- Ids that a census met and that never landed. Rejected rows do not, and neither do
-- those of persons who are gone for good.
SELECT format('%s rows of %s exist at 42, says the census, but have not landed', count(*), {table_name})
FROM (
    SELECT jsonb_array_elements_text(ids)::bigint AS id
    FROM {landing}.census
    WHERE stream = {table_name} AND jsonb_typeof(ids) = 'array' AND landed_in < {since}
    EXCEPT SELECT id FROM {landed}
    EXCEPT SELECT record_id::bigint FROM {landing}.rejected_records
    WHERE stream = {table_name} AND record_id ~ '^[0-9]{{1,18}}$'
) AS missing
HAVING count(*) > {excused}
