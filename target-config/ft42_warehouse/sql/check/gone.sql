SELECT format('%s rows of %s no longer exist at 42, says the census', count(*), {table_name})
FROM (
    SELECT l.id
    FROM {landing}.census AS c
    JOIN {landed} AS l
        ON l.id BETWEEN c.first_id AND c.last_id AND l._sdc_extracted_at < c.counted_at
    WHERE c.stream = {table_name} AND jsonb_typeof(c.ids) = 'array'
    AND c.landed_in < {since} AND l.landed_in < {since} AND {same_parent}
    EXCEPT
    SELECT jsonb_array_elements_text(ids)::bigint
    FROM {landing}.census WHERE stream = {table_name} AND jsonb_typeof(ids) = 'array'
) AS gone
HAVING count(*) > 0
