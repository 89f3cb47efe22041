-- Counts erased persons whom 42 lists again; loads do not bring their unchanged rows back.
SELECT
    count(*),
    to_char(min(u.created_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD'),
    to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
FROM arrived AS a
JOIN {warehouse}.erasures AS e ON e.user_id = a.id
JOIN {published}.users AS u ON u.id = a.id
WHERE a.table_name = 'users' AND e.reason = 'disappeared'
