-- Compares the landed rows with a census that only counted.
-- Rows that landed later can explain a difference, and so can rejected records.
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
WHERE landed - since > total OR landed + {excused} + (
    SELECT count(DISTINCT coalesce(record_id, rejection_id))
    FROM (
        SELECT
            record_id, rejection_id,
            CASE WHEN record_id ~ '^[0-9]{{1,18}}$' THEN record_id::bigint END AS id
        FROM ONLY {landing}.rejected_records WHERE stream = {table_name}
    ) AS rejected
    WHERE coalesce(id BETWEEN first_id AND last_id, true)
    AND NOT EXISTS (SELECT FROM ONLY {landed} AS l WHERE l.id = rejected.id)
) < total
