DELETE FROM {warehouse}.checks
WHERE checked_at < {before} AND checked_at < (SELECT max(checked_at) FROM {warehouse}.checks)
