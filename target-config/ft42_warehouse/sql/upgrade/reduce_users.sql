UPDATE ONLY {landing}.users AS l SET login = l.login
WHERE ({scope}) IS NOT TRUE AND l.login IS NOT NULL
