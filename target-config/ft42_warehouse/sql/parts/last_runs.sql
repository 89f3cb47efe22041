-- The runs of each job, numbered from the last one, for each load.
-- A run belongs to each job whose streams it read.
(
    SELECT
        j.job, r.*, r.tableoid AS load,
        row_number() OVER (PARTITION BY j.job, r.tableoid ORDER BY r.started_at DESC) AS nth
    FROM (
        SELECT job, array_agg(stream) AS streams
        FROM jsonb_to_recordset(%(tables)s) AS t(stream text, job text)
        GROUP BY job
    ) AS j
    JOIN {landing}.sync_runs AS r ON r.streams && j.streams AND r.end_date IS NULL
    -- A run with a time in the future is ignored: it would hide later runs.
    AND r.started_at <= now() + interval '10 minutes'
)
