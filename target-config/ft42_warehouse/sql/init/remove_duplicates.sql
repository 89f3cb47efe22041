-- What a lost primary key let in; the next publish brings what is missing then.
DELETE FROM {table} AS p
WHERE NOT ({key_given}) OR EXISTS (
    SELECT FROM {table} AS l WHERE {same_row} AND l.ctid < p.ctid
)
