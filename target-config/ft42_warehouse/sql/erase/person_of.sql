-- Whose login it is, by the rows of a table.
SELECT {person} FROM {anywhere} WHERE {column} = %(login)s
