-- The tables that were counted since the last publish, with the load that counted them.
SELECT DISTINCT n.nspname, c.stream
FROM {landing}.census AS c
JOIN pg_class AS t ON t.oid = c.tableoid
JOIN pg_namespace AS n ON n.oid = t.relnamespace
WHERE c.landed_in >= {since}
