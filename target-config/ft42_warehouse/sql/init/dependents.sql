-- The objects that prevent a change of a column's type.
SELECT DISTINCT CASE
    WHEN d.classid = 'pg_rewrite'::regclass AND r.rulename = '_RETURN'
        THEN pg_describe_object('pg_class'::regclass, r.ev_class, 0)
    ELSE pg_describe_object(d.classid, d.objid, 0)
END
FROM pg_depend AS d
JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
LEFT JOIN pg_rewrite AS r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = %(table)s::regclass
AND a.attname = %(column)s AND (
    d.classid IN (
        'pg_rewrite'::regclass, 'pg_policy'::regclass, 'pg_proc'::regclass,
        'pg_trigger'::regclass, 'pg_publication_rel'::regclass
    )
    -- Generated columns. Defaults have another deptype: a column's own default depends on it, too.
    OR d.classid = 'pg_attrdef'::regclass AND d.deptype = 'n'
)
ORDER BY 1
