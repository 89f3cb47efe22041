-- Enrolments whose teams name the persons.
CREATE TEMPORARY TABLE teammate ON COMMIT DROP AS
SELECT DISTINCT l.id
FROM erased AS e
JOIN {landing}.projects_users AS l ON {members} @> to_jsonb(e.user_id)
