(
    SELECT * FROM ONLY {landing}.census
    WHERE stream = {table_name} AND landed_in < {since}
    -- A census with a time in the future is ignored: a wrong clock dated it.
    AND counted_at <= now() + interval '10 minutes'
    AND counted_at > (
        SELECT max(counted_at) - interval '12 hours' FROM ONLY {landing}.census
        WHERE stream = {table_name} AND counted_at <= now() + interval '10 minutes'
    )
)
