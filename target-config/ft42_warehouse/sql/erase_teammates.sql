-- Takes the persons out of the teams of their teammates, whose enrolments their own
-- name.
WITH mate AS (
    SELECT DISTINCT {warehouse}.id_of(member, 'projects_users_id') AS id
    FROM {landing}.projects_users AS l
    JOIN erased AS e USING (user_id)
    CROSS JOIN LATERAL jsonb_path_query(l.teams, '$[*].users[*]') AS member
)
UPDATE {enrolments} AS l
SET teams = {warehouse}.without_persons(l.teams, (SELECT array_agg(user_id) FROM erased)){noting}
FROM mate AS m
WHERE l.id = m.id AND l.user_id NOT IN (SELECT user_id FROM erased)
