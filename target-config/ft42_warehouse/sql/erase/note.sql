-- Notes who was erased, and why. A stronger reason stays: "disappeared" replaces no other one,
-- as only persons who disappeared may come back.
INSERT INTO {warehouse}.erasures (user_id, reason)
SELECT user_id, reason FROM erased
ON CONFLICT (user_id) DO UPDATE SET reason = excluded.reason, erased_at = now()
WHERE erasures.reason = 'disappeared'
