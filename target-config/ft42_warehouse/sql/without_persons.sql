-- Teams of an enrolment (the API's JSON) without the given persons: their entry among
-- the members goes, and their login in the name and the repository of the team.
CREATE OR REPLACE FUNCTION {warehouse}.without_persons(teams jsonb, persons bigint[])
RETURNS jsonb LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    kept jsonb := '[]';
    team jsonb;
    member jsonb;
    field text;
BEGIN
    IF jsonb_typeof(teams) IS DISTINCT FROM 'array' THEN
        RETURN teams;
    END IF;
    FOR team IN SELECT value FROM jsonb_array_elements(teams) LOOP
        FOR member IN
            SELECT value FROM jsonb_path_query(team, '$.users[*]') AS value
            WHERE {warehouse}.id_of(value) = ANY (persons)
        LOOP
            team := jsonb_set(team, '{{users}}', coalesce(
                (SELECT jsonb_agg(value) FROM jsonb_array_elements(team -> 'users') WHERE value <> member),
                '[]'
            ));
            FOREACH field IN ARRAY ARRAY['name', 'repo_url'] LOOP
                IF position(member ->> 'login' IN team ->> field) > 0 THEN
                    team := jsonb_set(team, ARRAY[field], 'null');
                END IF;
            END LOOP;
        END LOOP;
        kept := kept || jsonb_build_array(team);
    END LOOP;
    RETURN kept;
END $$;
