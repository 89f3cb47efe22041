-- Chooses for each candidate the landed copy that is published.
CREATE TEMPORARY TABLE chosen ON COMMIT DROP AS
{chosen};
DROP TABLE candidate;
ALTER TABLE chosen RENAME TO candidate
