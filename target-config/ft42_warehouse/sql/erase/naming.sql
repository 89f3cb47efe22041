-- Rows that name the persons, and belong to others.
CREATE TEMPORARY TABLE naming ON COMMIT DROP AS {naming}
