-- Statements that give this account's objects of the pipeline to the publisher,
-- or to the owner of the schema, if the publisher may not create objects there.
WITH own AS (
    SELECT
        oid, nspname, nspowner = me.role AS is_mine,
        NULLIF(%(publisher)s::name, me.role::text) AS publisher,
        CASE
            WHEN nspowner <> me.role AND pg_has_role(nspowner, %(may_set)s)
                THEN pg_get_userbyid(nspowner)
        END AS owner
    FROM pg_namespace CROSS JOIN (SELECT current_user::regrole AS role) AS me
    WHERE nspname = ANY (%(schemas)s)
), heirs AS (
    SELECT oid, CASE
        WHEN is_mine OR has_schema_privilege(publisher, oid, 'CREATE') THEN publisher
        ELSE owner
    END AS heir
    FROM own
), objects AS (
    SELECT 'TABLE ' || c.oid::regclass AS object, relnamespace, relowner AS owner
    FROM pg_class AS c
    WHERE relkind IN ('r', 'p', 'v') AND relname = ANY (%(relations)s)
    UNION ALL
    SELECT 'FUNCTION ' || p.oid::regprocedure, pronamespace, proowner
    FROM pg_proc AS p
    WHERE pronamespace = to_regnamespace(quote_ident(%(warehouse)s))
)
SELECT statement FROM (
    SELECT 1 AS step, CASE
        -- PostgreSQL requires this right to change the owner of a schema.
        WHEN has_database_privilege(current_database(), 'CREATE')
            THEN format('ALTER SCHEMA %%I OWNER TO %%I', nspname, publisher)
        WHEN NOT has_schema_privilege(publisher, oid, 'CREATE')
            OR NOT has_schema_privilege(publisher, oid, 'USAGE')
            THEN format('GRANT USAGE, CREATE ON SCHEMA %%I TO %%I', nspname, publisher)
    END AS statement
    FROM own WHERE is_mine AND publisher IS NOT NULL
    UNION ALL
    SELECT 2, format('ALTER %%s OWNER TO %%I', object, heir)
    FROM objects JOIN heirs ON heirs.oid = relnamespace
    WHERE owner = current_user::regrole AND heir IS NOT NULL
) AS statements
WHERE statement IS NOT NULL
ORDER BY step
