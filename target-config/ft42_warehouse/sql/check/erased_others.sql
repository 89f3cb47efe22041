SELECT format('%s places in %s name persons who were erased', count(*), {where})
FROM {anywhere} AS l CROSS JOIN LATERAL ({mentioned}) AS one(person)
JOIN {warehouse}.erasures AS e ON e.user_id = one.person
WHERE {warehouse}.is_refused(e.user_id)
HAVING count(*) > 0
