-- Rejected records: only their ids, as the report must not show personal data.
SELECT
    stream, reason, count(*) AS records, max(rejected_at) AS last,
    (array_agg(record_id ORDER BY rejected_at DESC))[1:5] AS examples
FROM {landing}.rejected_records
GROUP BY stream, reason
ORDER BY last DESC
LIMIT 20
