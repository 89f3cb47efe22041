-- Older versions did not keep which rows wait.
INSERT INTO {warehouse}.waiting
SELECT table_name, string_to_array(row_id, ',')::bigint[], foreign_key
FROM {published}.orphan_rows
