SELECT
    key AS table_name,
    sum(value::bigint) FILTER (WHERE published_at > now() - interval '1 day')::bigint AS day,
    sum(value::bigint) FILTER (WHERE published_at > now() - interval '7 days')::bigint AS week,
    sum(value::bigint)::bigint AS month
FROM {warehouse}.publishes CROSS JOIN LATERAL jsonb_each_text(deleted)
WHERE published_at > now() - interval '30 days'
GROUP BY key
ORDER BY month DESC, key
