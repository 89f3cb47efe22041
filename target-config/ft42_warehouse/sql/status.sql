SELECT published_at, took, inserted, changed, deleted
FROM {warehouse}.publishes ORDER BY publish_id DESC LIMIT 1
