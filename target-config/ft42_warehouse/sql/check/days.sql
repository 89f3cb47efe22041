-- Compares the landed and published rows of each day with 42's counts in the last audit.
-- There may be fewer published rows than 42 counted, as some wait for a parent. There may be
-- more landed rows, as rows of disappeared persons stay landed.
WITH last_audit AS (
    SELECT DISTINCT ON (a.cursus_id) a.cursus_id, a.zone, a.until, a.counts, r.started_at
    FROM ONLY {landing}.sync_runs AS r
    CROSS JOIN LATERAL jsonb_to_recordset(
        CASE WHEN jsonb_typeof(r.audits) = 'array' THEN r.audits END
    ) AS a(stream text, cursus_id bigint, zone text, until timestamptz, counts jsonb)
    WHERE a.stream = {table_name} AND r.landed_in < {since}
    AND r.started_at <= now() + interval '10 minutes'
    ORDER BY a.cursus_id, r.started_at DESC
), counted AS (
    SELECT c.cursus_id, d.key::date AS day, d.value::bigint AS rows
    FROM last_audit AS c
    CROSS JOIN LATERAL jsonb_each_text(
        CASE WHEN jsonb_typeof(c.counts) = 'object' THEN c.counts END
    ) AS d
), present AS (
    SELECT
        c.cursus_id, (l.created_at AT TIME ZONE c.zone)::date AS day,
        count(DISTINCT l.id) AS landed,
        count(DISTINCT p.id) FILTER (WHERE l._sdc_extracted_at < c.started_at) AS published
    FROM last_audit AS c
    JOIN ONLY {landed} AS l ON l.created_at <= c.until AND {same_cursus}
    LEFT JOIN {table} AS p ON p.id = l.id
    GROUP BY 1, 2
)
SELECT format(
    '%s rows of %s that were created on %s are published, where 42 counted %s',
    coalesce(published, 0), {table_name}, day, rows
)
FROM counted LEFT JOIN present USING (cursus_id, day)
WHERE published > rows
UNION ALL
SELECT format(
    '%s rows of %s that were created on %s have landed, where 42 counted %s',
    coalesce(landed, 0), {table_name}, day, rows
)
FROM counted LEFT JOIN present USING (cursus_id, day)
WHERE coalesce(landed, 0) + {excused} + (
    SELECT count(DISTINCT coalesce(record_id, rejection_id))
    FROM ONLY {landing}.rejected_records WHERE stream = {table_name}
) < rows
