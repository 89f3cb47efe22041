SELECT DISTINCT ON (job) job AS subject, count(*) AS runs, max(reason) FILTER (WHERE nth = 1) AS reason
FROM {last_runs} AS r
WHERE nth <= %(early_runs)s
GROUP BY job, load
HAVING count(*) = %(early_runs)s AND bool_and(outcome = 'early')
ORDER BY job
