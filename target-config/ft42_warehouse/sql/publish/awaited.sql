-- Candidates: rows whose parent this publish has inserted or deleted.
-- The first may have waited for the parent; the others may wait for it now.
INSERT INTO candidate
SELECT {key} FROM {landed} AS l
WHERE l.{column} IN (SELECT id FROM {looked_at} WHERE table_name = {parent})
AND l.landed_in < {since}
