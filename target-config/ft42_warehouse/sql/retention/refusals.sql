DELETE FROM {warehouse}.refusals
WHERE refused_at < {before} AND refused_at < (SELECT max(refused_at) FROM {warehouse}.refusals)
