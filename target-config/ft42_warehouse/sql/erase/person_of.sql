-- Whose login it is, or was before the person was erased.
SELECT id FROM {landing}.users WHERE login = %(login)s
UNION
SELECT id FROM {published}.users WHERE login = %(login)s
UNION
SELECT user_id FROM {landing}.achievements_users WHERE login = %(login)s
UNION
SELECT user_id FROM {warehouse}.erased_strings WHERE digest = %(digest)s
