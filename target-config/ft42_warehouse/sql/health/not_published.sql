SELECT count(*) AS runs, now() - min(r.ended_at) AS age
FROM {landing}.sync_runs AS r
WHERE r.ended_at > (SELECT max(published_at) FROM {warehouse}.publishes)
HAVING now() - min(r.ended_at) > %(unpublished)s
