-- Who is listed again: what was theirs was erased, and no load brings what did not change.
SELECT FROM arrived AS a JOIN {warehouse}.erasures AS e ON e.user_id = a.id
WHERE a.table_name = 'users' AND e.reason = 'disappeared'
