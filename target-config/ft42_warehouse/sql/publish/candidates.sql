-- Which landed rows a publish looks at: those that landed since the last one.
CREATE TEMPORARY TABLE candidate ON COMMIT DROP AS
SELECT {key} FROM {landed} WHERE landed_in >= {since}
