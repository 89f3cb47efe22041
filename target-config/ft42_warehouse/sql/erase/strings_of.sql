-- Finds the strings that name persons in a table: logins, addresses, names.
SELECT DISTINCT l.{person}, v.kind, v.string
FROM {anywhere} AS l CROSS JOIN LATERAL (VALUES {values}) AS v(kind, string)
WHERE l.{person} = ANY (%(persons)s) AND v.string IS NOT NULL
