SELECT count(*) AS runs, now() - min(r.ended_at) AS age
FROM {landing}.sync_runs AS r
WHERE r.ended_at > (
    SELECT max(published_at) FROM {warehouse}.publishes WHERE published_at <= now() + interval '10 minutes'
)
HAVING now() - min(r.ended_at) > %(unpublished)s
