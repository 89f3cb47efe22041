-- A census that only counted. Rows that landed since can explain a difference.
SELECT format(
    '%s rows of %s have landed with ids from %s to %s, where the census counted %s',
    landed, {table_name}, first_id, last_id, total
)
FROM (
    SELECT
        c.first_id, c.last_id, c.total,
        count(DISTINCT l.id) AS landed,
        count(DISTINCT l.id) FILTER (WHERE l._sdc_extracted_at >= c.counted_at) AS since
    FROM {last_census} AS c
    LEFT JOIN ONLY {landed} AS l ON l.id BETWEEN c.first_id AND c.last_id AND {same_list}
    WHERE jsonb_typeof(c.ids) IS DISTINCT FROM 'array'
    GROUP BY c.cursus_id, c.parent_id, c.first_id, c.last_id, c.total
) AS counted
WHERE landed - since > total OR landed + {excused} < total
