SELECT format('%s.%s does not enforce %s', n.nspname, c.relname, k.conname)
FROM pg_constraint AS k
JOIN pg_class AS c ON c.oid = k.conrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = {published_name} AND NOT k.convalidated
