-- Takes the persons out of the teams in the enrolments of others.
WITH mate AS (
    SELECT DISTINCT l.id
    FROM erased AS e
    JOIN {landing}.projects_users AS l ON {members} @> to_jsonb(e.user_id)
)
UPDATE {enrolments} AS p
SET teams = {warehouse}.without_persons(p.teams, (SELECT array_agg(user_id) FROM erased)){noting}
FROM mate AS m
WHERE p.id = m.id AND p.user_id NOT IN (SELECT user_id FROM erased)
