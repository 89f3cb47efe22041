-- Deletes old rejected records. If a record has an id, only its body is deleted:
-- its reason explains why a row is missing that a census counts.
WITH expired AS (
    DELETE FROM {landing}.rejected_records
    WHERE rejected_at < {before} AND record_id !~ '^[0-9]{{1,18}}$' IS NOT FALSE
)
UPDATE {landing}.rejected_records SET body = NULL
WHERE rejected_at < {before} AND body IS NOT NULL AND record_id ~ '^[0-9]{{1,18}}$'
