-- The landing schemas of the pipeline to which a given one belongs, with the main one.
SELECT DISTINCT left(whole.nspname, -length('_all')), leaf.nspname
FROM pg_inherits AS i
JOIN pg_class AS parent ON parent.oid = i.inhparent
JOIN pg_namespace AS whole ON whole.oid = parent.relnamespace
JOIN pg_class AS child ON child.oid = i.inhrelid
JOIN pg_namespace AS leaf ON leaf.oid = child.relnamespace
WHERE right(whole.nspname, length('_all')) = '_all' AND (
    whole.nspname = %(whole)s OR parent.relnamespace IN (
        SELECT p.relnamespace
        FROM pg_inherits AS j
        JOIN pg_class AS p ON p.oid = j.inhparent
        JOIN pg_class AS c ON c.oid = j.inhrelid
        WHERE c.relnamespace = to_regnamespace(quote_ident(%(landing)s))
    )
)
