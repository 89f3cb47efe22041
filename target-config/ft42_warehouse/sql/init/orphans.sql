-- The views of landed rows that wait for a parent: a row for each foreign key without parent.
-- They are replaced and not dropped, so that views of others which use them stay.
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
