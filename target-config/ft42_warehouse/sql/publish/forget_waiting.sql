-- Empties the list of waiting rows: a publish that looks at every row writes it again.
DELETE FROM {warehouse}.waiting
