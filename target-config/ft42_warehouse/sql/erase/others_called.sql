-- Which of the strings others are called, too; and logins of others that hold one as a part.
WITH other AS (
    SELECT l.login, v.string
    FROM {published}.users AS l
    CROSS JOIN LATERAL (VALUES {values}) AS v(kind, string)
    WHERE l.id <> ALL (%(persons)s)
)
SELECT string, NULL FROM other WHERE string = ANY (%(strings)s)
UNION
SELECT part, login FROM other, string_to_table(translate(login, '_.', '--'), '-') AS part
WHERE string = login AND login ~ '[^[:alnum:]]' AND part = ANY (%(strings)s)
