-- Counts erased persons whom 42 lists again; loads do not bring their unchanged rows back.
SELECT FROM arrived AS a JOIN {warehouse}.erasures AS e ON e.user_id = a.id
WHERE a.table_name = 'users' AND e.reason = 'disappeared'
