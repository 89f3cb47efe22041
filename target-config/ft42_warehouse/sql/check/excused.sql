(
    SELECT CASE WHEN {is_person} THEN count(*) FILTER (WHERE reason <> 'disappeared')
        -- The numbers of rows of erased persons are not kept.
        WHEN count(*) > 0 THEN 9e18 ELSE 0 END
    FROM {warehouse}.erasures
)
