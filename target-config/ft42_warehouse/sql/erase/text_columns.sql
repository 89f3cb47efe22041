-- All columns of all tables that can hold text, and whether each is in a primary key.
SELECT
    n.nspname, c.relname, a.attname, format_type(a.atttypid, NULL),
    EXISTS (
        SELECT FROM pg_index AS i
        WHERE i.indrelid = c.oid AND i.indisprimary AND a.attnum = ANY (i.indkey)
    )
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind = 'r' AND n.nspname = ANY (%(schemas)s)
-- These tables hold only names of objects, keys and digests: nothing that comes from the API.
AND (n.nspname, c.relname) NOT IN (
    (%(warehouse)s, 'objects'), (%(warehouse)s, 'waiting'), (%(warehouse)s, 'erased_strings'), (%(warehouse)s, 'erasure_salt')
)
AND format_type(a.atttypid, NULL) IN (
    'text', 'character varying', 'json', 'jsonb', 'text[]', 'character varying[]', 'jsonb[]'
)
ORDER BY n.nspname, c.relname, a.attnum
