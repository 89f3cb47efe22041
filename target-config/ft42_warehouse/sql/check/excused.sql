(
    SELECT CASE WHEN {is_person} THEN count(*) FILTER (WHERE reason <> 'disappeared')
        -- How many rows a person had was not kept.
        WHEN count(*) > 0 THEN 9e18 ELSE 0 END
    FROM {warehouse}.erasures
)
