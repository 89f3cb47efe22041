-- Chooses the landed copy of a row that is published.
-- It is the copy that changed last at 42; of equal ones, that which was read last.
SELECT DISTINCT ON ({row}) {columns}
FROM {landed} AS l
{where}
ORDER BY {row}, {newest_first}
