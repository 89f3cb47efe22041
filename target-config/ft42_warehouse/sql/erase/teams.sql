-- Takes the persons out of the teams in the enrolments of others.
UPDATE {enrolments} AS p
SET teams = {warehouse}.without_persons(p.teams, (SELECT array_agg(user_id) FROM erased)){noting}
FROM teammate AS m
WHERE p.id = m.id AND p.user_id NOT IN (SELECT user_id FROM erased)
