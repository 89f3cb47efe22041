-- The sessions that block a session of this name, and what they hold.
-- The server hides state and age from accounts without the right to see them. A prepared
-- transaction has no session.
SELECT DISTINCT
    coalesce(
        'a lock on ' || n.nspname || '.' || c.relname,
        CASE l.locktype WHEN 'advisory' THEN 'its turn' ELSE 'rows that it has changed' END
    ) AS what,
    b.pid,
    h.application_name,
    h.usename::text,
    h.state,
    extract(epoch FROM clock_timestamp() - h.xact_start)::float8 AS seconds
FROM pg_catalog.pg_stat_activity AS w
CROSS JOIN LATERAL unnest(pg_catalog.pg_blocking_pids(w.pid)) AS b (pid)
LEFT JOIN pg_catalog.pg_stat_activity AS h ON h.pid = b.pid
LEFT JOIN pg_catalog.pg_locks AS l ON l.pid = w.pid AND NOT l.granted
LEFT JOIN pg_catalog.pg_class AS c ON c.oid = l.relation AND l.locktype = 'relation'
LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE w.datname = current_database() AND w.application_name = %(name)s
