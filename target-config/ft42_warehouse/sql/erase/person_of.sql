-- Finds the person who has a login, by the rows of a table.
SELECT {person} FROM {anywhere} WHERE {column} = %(login)s
