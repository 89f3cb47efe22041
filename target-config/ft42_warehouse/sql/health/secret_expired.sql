SELECT valid_until
FROM {valid_until} AS secret
WHERE valid_until <= now() AND NOT EXISTS (
    SELECT FROM {landing}.sync_runs AS r
    WHERE r.tableoid = load AND r.started_at > valid_until AND r.outcome = 'complete'
)
ORDER BY valid_until LIMIT 1
