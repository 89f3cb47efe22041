-- Finds out which of the existing roles belong to this pipeline.
-- Roles belong to the whole server. One of the same name may serve another database, and the
-- users of that database must not get rights here.
SELECT
    r.rolname,
    CASE
        WHEN r.oid IN (SELECT nspowner FROM pg_namespace WHERE nspname = ANY (%(schemas)s))
            THEN pg_has_role(r.oid, %(may_set)s) AND pg_has_role(r.oid, 'USAGE')
        -- A superuser counts as a member of every role.
        WHEN me.rolsuper THEN
            EXISTS (SELECT FROM pg_auth_members WHERE roleid = r.oid AND member = me.oid)
            OR NOT r.rolcanlogin AND NOT EXISTS (
                SELECT FROM pg_shdepend
                WHERE refclassid = 'pg_authid'::regclass AND refobjid = r.oid AND dbid NOT IN (
                    SELECT oid FROM pg_database WHERE datname = current_database()
                    UNION ALL SELECT 0
                )
            )
        ELSE pg_has_role(r.oid, %(may_set)s) AND pg_has_role(r.oid, 'USAGE')
    END AS is_ours,
    NOT me.rolsuper AND pg_has_role(r.oid, 'USAGE WITH ADMIN OPTION') AS is_administered
FROM pg_roles AS r CROSS JOIN pg_roles AS me
WHERE r.rolname = ANY (%(names)s) AND me.rolname = current_user
