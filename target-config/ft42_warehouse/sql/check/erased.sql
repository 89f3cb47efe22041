SELECT format('%s rows of %s belong to persons who were erased', count(*), {where})
FROM {anywhere} AS l JOIN {warehouse}.erasures AS e ON e.user_id = l.{person}
WHERE {warehouse}.is_refused(e.user_id)
HAVING count(*) > 0
