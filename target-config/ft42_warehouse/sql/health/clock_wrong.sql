-- What cannot be true by the clock of this server. What is done with it: nothing.
SELECT what AS subject, max(at) AS at, max(at) - now() AS ahead
FROM (
    SELECT 'sync_runs' AS what, greatest(started_at, ended_at) AS at FROM {landing}.sync_runs
    UNION ALL
    SELECT 'census', counted_at FROM {landing}.census
    UNION ALL
    SELECT 'publishes', published_at FROM {warehouse}.publishes
    UNION ALL
    SELECT 'checks', checked_at FROM {warehouse}.checks
) AS remembered
WHERE at > now() + interval '10 minutes'
GROUP BY what
ORDER BY what
