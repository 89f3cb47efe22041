-- Campuses that the tap has found.
SELECT id FROM {landing}.campuses ORDER BY id
