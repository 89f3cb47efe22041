-- Of the landed copies of a row, the one that is published: what changed last at 42, and of
-- equals what was read last.
SELECT DISTINCT ON ({row}) {columns}
FROM {landed} AS l
{where}
ORDER BY {row}, {newest_first}
