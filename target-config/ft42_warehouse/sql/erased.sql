-- Whose data must go: who was anonymised, and who disappeared.
INSERT INTO erased
SELECT id, 'anonymised' FROM {landing}.users WHERE login LIKE '3b3-%%' AND landed_in >= %(since)s
UNION ALL
SELECT id, 'disappeared' FROM gone WHERE table_name = 'users'
ON CONFLICT DO NOTHING
