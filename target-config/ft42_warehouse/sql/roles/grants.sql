-- The rights that the roles lack, and whether this account may grant each.
WITH wanted (role, schemas, relations, privileges) AS (
    VALUES
        (%(loader)s::name, %(landings)s::name[], %(landed)s::name[], '{{SELECT,INSERT,UPDATE}}'::text[]),
        (%(reader)s, ARRAY[%(published)s::name], %(read)s::name[], '{{SELECT}}')
)
SELECT format('GRANT USAGE ON SCHEMA %%I TO %%I', nspname, role), pg_has_role(nspowner, 'USAGE')
FROM wanted JOIN pg_namespace ON nspname = ANY (schemas)
WHERE NOT has_schema_privilege(role, pg_namespace.oid, 'USAGE')
UNION ALL
SELECT
    format('GRANT %%s ON %%I.%%I TO %%I', privilege, nspname, relname, role),
    pg_has_role(relowner, 'USAGE')
FROM wanted
JOIN pg_namespace AS n ON nspname = ANY (schemas)
JOIN pg_class AS c ON c.relnamespace = n.oid AND relname = ANY (relations)
CROSS JOIN unnest(privileges) AS privilege
WHERE NOT has_table_privilege(role, c.oid, privilege)
UNION ALL
-- A publish creates temporary tables.
SELECT
    format('GRANT TEMPORARY ON DATABASE %%I TO %%I', datname, %(publisher)s::name),
    pg_has_role(datdba, 'USAGE')
FROM pg_database
WHERE datname = current_database()
AND NOT has_database_privilege(%(publisher)s::name, oid, 'TEMPORARY')
UNION ALL
-- The publisher needs this right only to create a dropped schema again.
SELECT format('GRANT CREATE ON DATABASE %%I TO %%I', datname, %(publisher)s::name), true
FROM pg_database
WHERE datname = current_database() AND pg_has_role(datdba, 'USAGE')
AND NOT has_database_privilege(%(publisher)s::name, oid, 'CREATE')
