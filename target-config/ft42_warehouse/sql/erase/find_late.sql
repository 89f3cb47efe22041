-- Finds erased persons whose rows landed in a transaction that did not see the erasure.
INSERT INTO erased
SELECT DISTINCT e.user_id, e.reason
FROM {warehouse}.erasures AS e JOIN {landed} AS l ON l.{person} = e.user_id
WHERE {warehouse}.is_refused(e.user_id) AND l.landed_in >= {since}
ON CONFLICT DO NOTHING
