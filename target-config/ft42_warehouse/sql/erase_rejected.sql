DELETE FROM {landing}.rejected_records AS l
USING erased AS e
WHERE {warehouse}.concerns(l.stream, l.record_id, l.body, e.user_id)
