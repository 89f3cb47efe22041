-- The landed tables that inherit from the schema of all shards.
SELECT n.nspname, c.relname
FROM pg_inherits AS i
JOIN pg_class AS parent ON parent.oid = i.inhparent
JOIN pg_class AS c ON c.oid = i.inhrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE parent.relnamespace = to_regnamespace(quote_ident(%(whole)s))
