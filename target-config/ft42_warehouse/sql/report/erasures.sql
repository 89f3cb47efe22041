SELECT user_id, erased_at, reason
FROM {warehouse}.erasures
ORDER BY erased_at DESC, user_id
LIMIT 10
