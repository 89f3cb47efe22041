-- Fills the list of waiting rows, which older versions did not keep.
INSERT INTO {warehouse}.waiting
SELECT table_name, string_to_array(row_id, ',')::bigint[], foreign_key
FROM {published}.orphan_rows
