-- Every column of every table that can hold text, with what says whose row it is.
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
-- What is made, how, and digests: written here, and nothing of it comes from outside.
AND (n.nspname, c.relname) NOT IN (
    (%(warehouse)s, 'objects'), (%(warehouse)s, 'waiting'), (%(warehouse)s, 'erased_strings'), (%(warehouse)s, 'erasure_salt')
)
AND format_type(a.atttypid, NULL) IN (
    'text', 'character varying', 'json', 'jsonb', 'text[]', 'character varying[]', 'jsonb[]'
)
ORDER BY n.nspname, c.relname, a.attnum
