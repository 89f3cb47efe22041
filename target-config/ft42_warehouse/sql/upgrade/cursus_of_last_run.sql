-- Read through JSON: a table that a newer version made lacks the column.
(
    SELECT (to_jsonb(r) ->> 'cursus_id')::bigint FROM {landing}.sync_runs AS r
    WHERE to_jsonb(r) ->> 'cursus_id' IS NOT NULL
    ORDER BY r.started_at DESC LIMIT 1
)
