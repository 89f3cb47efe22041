-- Landed rows that wait for a parent: once for each foreign key that lacks its row.
-- Replaced and not dropped: the views of others that read them go on.
CREATE OR REPLACE VIEW {published}.orphan_rows AS
{orphans};
COMMENT ON VIEW {published}.orphan_rows IS
    'Landed rows that are not published because a row that they point to is not.';

CREATE OR REPLACE VIEW {published}.orphans AS
SELECT table_name, foreign_key, missing_from, missing_id, count(*) AS rows
FROM {published}.orphan_rows
GROUP BY table_name, foreign_key, missing_from, missing_id;
COMMENT ON VIEW {published}.orphans IS
    'How many landed rows wait, by table, foreign key and the id that it lacks.';
