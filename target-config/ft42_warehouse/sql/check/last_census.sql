(
    SELECT * FROM ONLY {landing}.census
    WHERE stream = {table_name} AND landed_in < {since} AND counted_at > (
        SELECT max(counted_at) - interval '12 hours' FROM ONLY {landing}.census
        WHERE stream = {table_name}
    )
)
