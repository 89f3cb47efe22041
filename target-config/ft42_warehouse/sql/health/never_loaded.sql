SELECT name AS subject
FROM {freshness} AS f
WHERE as_of IS NULL AND is_read AND EXISTS (SELECT FROM {warehouse}.publishes)
ORDER BY name
