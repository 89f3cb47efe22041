SELECT format('%s teams in %s name persons who were erased', count(*), {where})
FROM {anywhere} AS l
CROSS JOIN LATERAL jsonb_path_query(l.teams, '$[*].users[*]') AS member
JOIN {warehouse}.erasures AS e ON e.user_id = {warehouse}.id_of(member)
WHERE {warehouse}.is_refused(e.user_id)
HAVING count(*) > 0
