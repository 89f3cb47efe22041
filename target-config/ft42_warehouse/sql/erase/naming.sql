-- Finds rows of others that name the erased persons.
CREATE TEMPORARY TABLE naming ON COMMIT DROP AS {naming}
