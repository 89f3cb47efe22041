-- Deletes rows that violate a lost primary key; the next publish brings the right ones back.
DELETE FROM {table} AS p
WHERE NOT ({key_given}) OR EXISTS (
    SELECT FROM {table} AS l WHERE {same_row} AND l.ctid < p.ctid
)
