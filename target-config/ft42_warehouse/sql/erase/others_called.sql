-- Finds strings that also name other people, and logins of others that contain a string.
WITH other AS (
    SELECT l.login, v.string
    FROM {published}.users AS l
    CROSS JOIN LATERAL (VALUES {values}) AS v(kind, string)
    WHERE l.id <> ALL (%(persons)s)
)
SELECT string, NULL FROM other WHERE string = ANY (%(strings)s)
UNION
SELECT NULL, login FROM other WHERE string = login AND login LIKE ANY (%(parts)s)
