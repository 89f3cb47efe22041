-- Adds the cursus to the key of a landed table, without triggers, as no row lands here.
ALTER TABLE {table} DISABLE TRIGGER USER;
UPDATE {table} AS l SET cursus_id = coalesce({known}{default_cursus}) WHERE cursus_id IS NULL;
ALTER TABLE {table} ENABLE TRIGGER USER;
ALTER TABLE {table} DROP CONSTRAINT {constraint}, ADD PRIMARY KEY ({key})
