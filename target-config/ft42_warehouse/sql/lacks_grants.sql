-- Whether the loader or the reader lacks a right that it must have.
SELECT EXISTS (
    SELECT FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = ANY (%(landings)s) AND c.relname = ANY (%(landed_tables)s) AND NOT (
        has_schema_privilege(%(loader)s::name, n.oid, 'USAGE')
        AND has_table_privilege(%(loader)s::name, c.oid, 'SELECT')
        AND has_table_privilege(%(loader)s::name, c.oid, 'INSERT')
        AND has_table_privilege(%(loader)s::name, c.oid, 'UPDATE')
    ) OR n.nspname = %(published)s AND c.relname = ANY (%(published_tables)s) AND NOT (
        has_schema_privilege(%(reader)s::name, n.oid, 'USAGE')
        AND has_table_privilege(%(reader)s::name, c.oid, 'SELECT')
    )
)
