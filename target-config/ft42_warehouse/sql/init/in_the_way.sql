-- Objects that others made, and that will stop a publish:
-- a foreign key that prevents deletions, a rule on a table that a publish writes, a policy that
-- hides rows even from the owner.
WITH own AS (
    SELECT c.oid, c.oid::regclass AS path, c.relforcerowsecurity AND c.relrowsecurity AS is_hidden
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = ANY (%(schemas)s) AND c.relname = ANY (%(tables)s) AND c.relkind IN ('r', 'p')
)
SELECT format(
    'The foreign key %%I of %%s keeps rows of %%s that must go one day, and stops `publish` '
    'and `forget` then: give it ON DELETE CASCADE or SET NULL',
    conname, conrelid::regclass, path
)
FROM pg_constraint JOIN own ON own.oid = confrelid
WHERE contype = 'f' AND confdeltype IN ('a', 'r') AND conrelid NOT IN (SELECT oid FROM own)
UNION ALL
SELECT format('The rule %%I of %%s stops who must write it: use a trigger instead', rulename, path)
FROM pg_rewrite JOIN own ON own.oid = ev_class
UNION ALL
SELECT format(
    'The policies of %%s hide its rows from its owner, too, which stops `publish`: '
    'ALTER TABLE %%s NO FORCE ROW LEVEL SECURITY', path, path
)
FROM own WHERE is_hidden
ORDER BY 1
