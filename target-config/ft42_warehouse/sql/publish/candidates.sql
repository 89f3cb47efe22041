-- Candidates: the rows that landed since the last publish.
CREATE TEMPORARY TABLE candidate ON COMMIT DROP AS
SELECT {key} FROM {landed} WHERE landed_in >= {since}
