(
    SELECT * FROM ONLY {landing}.census
    WHERE stream = {table_name} AND landed_in < {since}
    -- One of the future was taken by a clock that was wrong: nobody knows what it saw.
    AND counted_at <= now() + interval '10 minutes'
    AND counted_at > (
        SELECT max(counted_at) - interval '12 hours' FROM ONLY {landing}.census
        WHERE stream = {table_name} AND counted_at <= now() + interval '10 minutes'
    )
)
