-- Rows whose parent this publish has brought, which may have waited for it, or taken away,
-- which may wait for it now.
INSERT INTO candidate
SELECT {key} FROM {landed} AS l
WHERE l.{column} IN (SELECT id FROM {looked_at} WHERE table_name = {parent})
AND l.landed_in < {since}
