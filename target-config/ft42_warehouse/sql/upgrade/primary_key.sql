SELECT k.conname, array_agg(a.attname::text)
FROM pg_constraint AS k
JOIN pg_class AS c ON c.oid = k.conrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = ANY (k.conkey)
WHERE k.contype = 'p' AND n.nspname = %(schema)s AND c.relname = %(table)s
GROUP BY k.conname
