-- Rows of older versions, as the triggers would let them in today.
UPDATE ONLY {landing}.projects_users AS l SET teams = l.teams
WHERE l.teams IS DISTINCT FROM {warehouse}.declared_only(l.teams, {shape})
