-- Finds the persons to erase: those who were anonymised, and those who disappeared.
INSERT INTO erased
SELECT id, 'anonymised' FROM {landing}.users WHERE login LIKE '3b3-%%' AND landed_in >= %(since)s
UNION ALL
SELECT id, 'disappeared' FROM gone AS g
WHERE table_name = 'users' AND NOT EXISTS (SELECT FROM {landing}.users AS l WHERE l.id = g.id)
ON CONFLICT DO NOTHING
