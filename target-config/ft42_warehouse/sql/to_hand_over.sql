-- Statements that make the publisher the owner of what this account owns.
WITH own AS (
    SELECT oid, nspname, nspowner FROM pg_namespace WHERE nspname = ANY (%(schemas)s)
)
SELECT statement FROM (
    SELECT 1 AS step, format('ALTER SCHEMA %%I OWNER TO %%I', nspname, %(publisher)s::name) AS statement
    FROM own WHERE nspowner = current_user::regrole
    UNION ALL
    SELECT 2, format('ALTER TABLE %%I.%%I OWNER TO %%I', n.nspname, c.relname, %(publisher)s::name)
    FROM pg_class AS c JOIN own AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v') AND c.relowner = current_user::regrole
    UNION ALL
    SELECT 3, format('ALTER FUNCTION %%s OWNER TO %%I', p.oid::regprocedure, %(publisher)s::name)
    FROM pg_proc AS p JOIN own AS n ON n.oid = p.pronamespace
    WHERE p.proowner = current_user::regrole
) AS statements
WHERE current_user <> %(publisher)s::name
ORDER BY step
