DELETE FROM {landing}.sync_requests AS q
WHERE q._sdc_extracted_at < {before}
AND NOT EXISTS (SELECT FROM {landing}.sync_runs AS r WHERE r.run_id = q.run_id)
