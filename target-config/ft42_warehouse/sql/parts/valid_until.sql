-- When the secret of each load's application ends, by the last run that knew it.
-- This is read through JSON, as tables of older versions lack the column.
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
