SELECT format('%s keys of %s stand in several rows', count(*), {table_name})
FROM (SELECT FROM {table} GROUP BY {key} HAVING count(*) > 1) AS twice
HAVING count(*) > 0
