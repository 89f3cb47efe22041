SELECT sum(refusals)::bigint AS refusals
FROM {landing}.sync_runs
WHERE started_at > now() - interval '1 day'
HAVING sum(refusals) > 0
