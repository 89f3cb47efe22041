-- Who was erased, and landed in a transaction that did not know it yet.
INSERT INTO erased
SELECT DISTINCT e.user_id, e.reason
FROM {warehouse}.erasures AS e JOIN {landed} AS l ON l.{person} = e.user_id
WHERE {warehouse}.is_refused(e.user_id) AND l.landed_in >= {since}
ON CONFLICT DO NOTHING
