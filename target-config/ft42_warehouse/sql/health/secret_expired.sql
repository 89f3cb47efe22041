SELECT valid_until
FROM {valid_until} AS secret
WHERE valid_until <= now() AND NOT EXISTS (
    SELECT FROM {landing}.sync_runs WHERE started_at > valid_until AND outcome = 'complete'
)
