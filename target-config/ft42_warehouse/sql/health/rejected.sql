SELECT
    stream AS subject, count(*) AS records, mode() WITHIN GROUP (ORDER BY reason) AS reason
FROM {landing}.rejected_records
WHERE rejected_at > now() - interval '1 day'
GROUP BY stream
ORDER BY stream
