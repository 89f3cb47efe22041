-- How old the data of each table are.
-- They are as old as the last complete run that read the stream, if the last publish has seen
-- it; the beginning of the run counts. If several loads read the stream, the oldest counts.
(
    SELECT
        name, job, allowed,
        CASE WHEN bool_and(as_of IS NOT NULL) THEN min(as_of) END AS as_of,
        bool_or(is_read) AS is_read
    FROM (
        SELECT
            t.name, t.job, t.allowed,
            max(r.started_at) FILTER (WHERE (
                r.outcome = 'complete'
                -- A failed run also counts if it says that this stream did not fail.
                OR r.outcome = 'failed'
                AND jsonb_typeof(to_jsonb(r) -> 'failed_streams') = 'array'
                AND NOT (to_jsonb(r) -> 'failed_streams') ? t.stream
            )
            -- A time in the future is ignored: a wrong clock dated the run.
            AND r.started_at <= now() + interval '10 minutes' AND (
                r.landed_in < p.seen_before
                -- A number above all of this server comes from another server, before a move.
                -- Its rows were published completely.
                OR r.landed_in >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint
            )) AS as_of,
            count(r.run_id) > 0 AS is_read
        FROM jsonb_to_recordset(%(tables)s)
            AS t(name text, stream text, job text, allowed interval)
        CROSS JOIN (
            SELECT coalesce(
                (SELECT seen_before FROM {warehouse}.publishes ORDER BY publish_id DESC LIMIT 1), 0
            ) AS seen_before
        ) AS p
        LEFT JOIN {landing}.sync_runs AS r
            ON t.stream = ANY (r.streams) AND r.end_date IS NULL
        GROUP BY t.name, t.job, t.allowed, r.tableoid
    ) AS loads
    GROUP BY name, job, allowed
)
