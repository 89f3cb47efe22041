SELECT
    stream, count(*) AS records,
    count(*) FILTER (WHERE rejected_at > now() - interval '1 day') AS last_day
FROM {landing}.rejected_records
GROUP BY stream
ORDER BY stream
