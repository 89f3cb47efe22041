SELECT
WHERE EXISTS (SELECT FROM {warehouse}.publishes) AND NOT EXISTS (SELECT FROM {landing}.sync_runs)
