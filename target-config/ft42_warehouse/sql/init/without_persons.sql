-- Teams of an enrolment (the API's JSON) without the given persons: their entry among the
-- members goes, and of such a team all that nobody declared and all that people wrote.
CREATE OR REPLACE FUNCTION {warehouse}.without_persons(teams jsonb, persons bigint[])
RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(jsonb_agg(
        CASE
            WHEN NOT EXISTS (
                SELECT FROM jsonb_path_query(team, '$.users[*]') AS member
                WHERE {warehouse}.id_of(member) = ANY (persons)
            ) THEN team
            ELSE {warehouse}.declared_only(team, {shape}) || jsonb_build_object('users', (
                SELECT coalesce(
                    jsonb_agg({warehouse}.declared_only(member, {shape} -> 'users') ORDER BY place)
                        FILTER (WHERE {warehouse}.id_of(member) <> ALL (persons)),
                    '[]'
                )
                FROM jsonb_path_query(team, '$.users[*]') WITH ORDINALITY AS one(member, place)
            ))
        END ORDER BY place
    ), '[]')
    FROM jsonb_path_query(teams, '$[*]') WITH ORDINALITY AS one(team, place)
$$;
