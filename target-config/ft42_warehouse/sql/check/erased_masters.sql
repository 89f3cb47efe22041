SELECT format('%s coalitions in %s name masters who were erased', count(*), {where})
FROM (
    SELECT user_id FROM {coalitions}
    UNION ALL
    SELECT {warehouse}.id_of(coalition, 'user_id')
    FROM {blocs} CROSS JOIN LATERAL jsonb_path_query(coalitions, '$[*]') AS coalition
) AS master
WHERE {warehouse}.is_refused(user_id)
HAVING count(*) > 0
