-- The result of the last audit, which compares with 42's counts by the day, for each list.
-- Each load has its own. Runs of older versions lack the column.
SELECT DISTINCT ON (a.stream, a.cursus_id, r.tableoid)
    a.stream, a.cursus_id, a.days, a.differed, a.unsettled, a.missing, a.gone, a.along,
    a.requests, r.started_at AS as_of
FROM {landing}.sync_runs AS r
CROSS JOIN LATERAL jsonb_to_recordset(
    CASE WHEN jsonb_typeof(to_jsonb(r) -> 'audits') = 'array' THEN to_jsonb(r) -> 'audits' END
) AS a(
    stream text, cursus_id bigint, days bigint, differed bigint, unsettled bigint,
    missing bigint, gone bigint, along bigint, requests bigint
)
WHERE r.started_at > now() - interval '7 days'
AND r.started_at <= now() + interval '10 minutes'
ORDER BY a.stream, a.cursus_id, r.tableoid, r.started_at DESC
