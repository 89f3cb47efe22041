-- When the secret of each load's application ends, as its last run that knew it was told.
-- Read through JSON: tables that an older version made lack the column.
(
    SELECT DISTINCT ON (load) load, valid_until
    FROM (
        SELECT
            tableoid AS load, started_at,
            (to_jsonb(r) ->> 'secret_valid_until')::timestamptz AS valid_until
        FROM {landing}.sync_runs AS r
    ) AS runs
    WHERE valid_until IS NOT NULL AND started_at <= now() + interval '10 minutes'
    ORDER BY load, started_at DESC
)
