-- When the application's secret ends, as the last run that knew it was told. Read through
-- JSON: tables that an older version made lack the column.
(
    SELECT valid_until
    FROM (
        SELECT started_at, (to_jsonb(r) ->> 'secret_valid_until')::timestamptz AS valid_until
        FROM {landing}.sync_runs AS r
    ) AS runs
    WHERE valid_until IS NOT NULL
    ORDER BY started_at DESC LIMIT 1
)
