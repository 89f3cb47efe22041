-- Enrolments whose teams name the persons, by a number or by text.
CREATE TEMPORARY TABLE teammate ON COMMIT DROP AS
SELECT l.id
FROM erased AS e
JOIN {landing}.projects_users AS l ON {members} @> to_jsonb(e.user_id)
UNION
SELECT l.id
FROM erased AS e
JOIN {landing}.projects_users AS l ON {members} @> to_jsonb(e.user_id::text)
