SELECT format('%s rows of %s no longer exist at 42, says the census', count(*), {table_name})
FROM (
    SELECT DISTINCT c.cursus_id, l.id
    FROM {last_census} AS c
    JOIN ONLY {landed} AS l
        ON l.id BETWEEN c.first_id AND c.last_id AND l._sdc_extracted_at < c.counted_at
    WHERE jsonb_typeof(c.ids) = 'array' AND l.landed_in < {since} AND {same_list}
    EXCEPT
    SELECT c.cursus_id, jsonb_array_elements_text(c.ids)::bigint
    FROM {last_census} AS c WHERE jsonb_typeof(c.ids) = 'array'
) AS gone
HAVING count(*) > 0
