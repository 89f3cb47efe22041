-- The owners of schemas and tables that do not belong to this account.
SELECT quote_ident(current_user), string_agg(format('%%s owns %%s', owner, owned), '; ' ORDER BY owner)
FROM (
    SELECT
        quote_ident(pg_get_userbyid(owner)) AS owner,
        array_to_string((array_agg(path ORDER BY path))[1:3], ', ')
            || CASE WHEN count(*) > 3 THEN ', …' ELSE '' END AS owned
    FROM (
        SELECT nspowner AS owner, format('%%I', nspname) AS path
        FROM pg_namespace WHERE nspname = ANY (%(schemas)s)
        UNION ALL
        SELECT relowner, format('%%I.%%I', nspname, relname)
        FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace
        WHERE nspname = ANY (%(schemas)s) AND relkind IN ('r', 'p', 'v') AND relowner <> nspowner
    ) AS owners
    WHERE NOT pg_has_role(owner, 'USAGE')
    GROUP BY 1
) AS by_owner
