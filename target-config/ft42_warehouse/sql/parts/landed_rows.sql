-- The number of landed rows, about.
-- For large tables it comes from the server's statistics, which takes no time. Small tables, and
-- those without statistics, are counted.
SELECT
    {table_name} AS table_name,
    CASE
        WHEN min(c.reltuples) >= 10000 THEN sum(c.reltuples)::bigint
        ELSE (SELECT count(*) FROM {landed})
    END AS rows
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = ANY ({landing_names}) AND c.relname = {table_name}
