-- A stronger reason stays: who is gone for good does not become one who may come back.
INSERT INTO {warehouse}.erasures (user_id, reason)
SELECT user_id, reason FROM erased
ON CONFLICT (user_id) DO UPDATE SET reason = excluded.reason, erased_at = now()
WHERE erasures.reason = 'disappeared'
