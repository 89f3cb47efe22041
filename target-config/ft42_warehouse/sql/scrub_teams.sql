-- A person of whom nothing need have landed can still be named in the teams of others.
UPDATE {enrolments}
SET teams = {warehouse}.without_persons(teams, ARRAY[{user_id}]::bigint[]){noting}
WHERE teams @> jsonb_build_array(
    jsonb_build_object('users', jsonb_build_array(jsonb_build_object('id', {user_id}::bigint)))
)
