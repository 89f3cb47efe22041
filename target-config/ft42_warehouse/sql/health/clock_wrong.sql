-- Instants that lie in the future, until a possible one of the same kind is written.
-- All other statements ignore such instants.
SELECT what AS subject, max(at) AS at, max(at) - now() AS ahead
FROM (
    SELECT
        what, max(at) AS at,
        -- `written` is an age, in transactions: the smallest one is the latest.
        min(written) FILTER (WHERE at > now() + interval '10 minutes') AS wrong,
        min(written) FILTER (WHERE at <= now() + interval '10 minutes') AS possible
    FROM (
        SELECT
            'sync_runs' AS what, r.tableoid AS load, unnest(streams) AS stream,
            greatest(started_at, ended_at) AS at, age(r.xmin) AS written
        FROM {landing}.sync_runs AS r
        UNION ALL
        SELECT 'census', c.tableoid, stream, counted_at, age(c.xmin) FROM {landing}.census AS c
        UNION ALL
        SELECT 'publishes', 0, '', published_at, age(xmin) FROM {warehouse}.publishes
        UNION ALL
        SELECT 'checks', 0, '', checked_at, age(xmin) FROM {warehouse}.checks
    ) AS remembered
    GROUP BY what, load, stream
) AS kinds
WHERE wrong <= coalesce(possible, wrong)
GROUP BY what
ORDER BY what
