-- Orphans whose parent this publish has brought.
INSERT INTO candidate
SELECT {key} FROM {landed} AS l
WHERE l.{column} IN (SELECT id FROM arrived WHERE table_name = {parent})
AND l.landed_in < {since}
