-- How many landed rows of each table wait for a parent, as the view orphans has it: those
-- that the last publish left, and what has landed since, looked up one by one.
(
    SELECT table_name, sum(rows)::bigint AS rows
    FROM (
{waiting_rows}
    ) AS waiting
    GROUP BY table_name
    HAVING sum(rows) > 0
)
