-- The cursus of the last run; read through JSON, as tables of newer versions lack the column.
(
    SELECT (to_jsonb(r) ->> 'cursus_id')::bigint FROM {landing}.sync_runs AS r
    WHERE to_jsonb(r) ->> 'cursus_id' IS NOT NULL
    ORDER BY r.started_at DESC LIMIT 1
)
