-- Removes the erased persons from rows that belong to others.
UPDATE {anywhere} AS p SET {without}{noting}
FROM naming AS l
WHERE {same_row}
