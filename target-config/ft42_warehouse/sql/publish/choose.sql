-- Each row that is looked at, once, with the copy that is published.
CREATE TEMPORARY TABLE chosen ON COMMIT DROP AS
{chosen};
DROP TABLE candidate;
ALTER TABLE chosen RENAME TO candidate
