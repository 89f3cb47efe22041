-- How many landed rows of each table wait for a parent, the same as in the view orphans.
-- These are the rows that the last publish noted, and rows that landed later, which are looked
-- up one by one.
(
    SELECT table_name, sum(rows)::bigint AS rows
    FROM (
{waiting_rows}
    ) AS waiting
    GROUP BY table_name
    HAVING sum(rows) > 0
)
