-- How many rows have landed, for shares of them: of large tables as the server's statistics
-- have it, which takes no time. Those that it has not looked at, and small ones, are counted.
SELECT
    {table_name} AS table_name,
    CASE
        WHEN min(c.reltuples) >= 10000 THEN sum(c.reltuples)::bigint
        ELSE (SELECT count(*) FROM {landed})
    END AS rows
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = ANY ({landing_names}) AND c.relname = {table_name}
