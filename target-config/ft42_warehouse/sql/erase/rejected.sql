DELETE FROM {landing}.rejected_records AS l
WHERE {warehouse}.persons_in(l.stream, l.record_id, l.body)
    && (SELECT array_agg(user_id) FROM erased)
