-- Rows of older versions, as the triggers would let them in today.
UPDATE ONLY {landing}.projects_users AS l SET teams = l.teams
WHERE l.teams IS DISTINCT FROM {warehouse}.reduced_teams(l.teams)
