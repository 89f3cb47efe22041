-- Ids that the last census met and that never landed. Rejected rows do not, and neither
-- do those of persons who are gone for good.
SELECT format('%s rows of %s exist at 42, says the census, but have not landed', count(*), {table_name})
FROM (
    SELECT jsonb_array_elements_text(c.ids)::bigint AS id
    FROM {last_census} AS c WHERE jsonb_typeof(c.ids) = 'array'
    EXCEPT SELECT id FROM {landed}
    EXCEPT SELECT record_id::bigint FROM {landing}.rejected_records
    WHERE stream = {table_name} AND record_id ~ '^[0-9]{{1,18}}$'
) AS missing
HAVING count(*) > {excused}
