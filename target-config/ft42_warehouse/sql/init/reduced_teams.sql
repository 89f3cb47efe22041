-- Reduces the teams of an enrolment to their declared fields, like declared_only, but faster.
-- Nearly all teams have the API's usual form. From these it removes a fixed list of fields, in a
-- sixth of the time that a look at each field takes.
CREATE OR REPLACE FUNCTION {warehouse}.reduced_teams(teams jsonb)
RETURNS jsonb LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    nested CONSTANT jsonpath := 'strict $.* ? (@.type() == "object" || @.type() == "array")';
    team jsonb;
    member jsonb;
    members jsonb;
    reduced jsonb := '[]';
BEGIN
    IF teams IS NULL THEN
        RETURN NULL;
    ELSIF jsonb_typeof(teams) <> 'array' THEN
        RETURN {warehouse}.declared_only(teams, {shape});
    END IF;
    FOR team IN SELECT jsonb_array_elements(teams) LOOP
        IF jsonb_typeof(team) <> 'object' OR jsonb_typeof(team -> 'users') IS DISTINCT FROM 'array' THEN
            RETURN {warehouse}.declared_only(teams, {shape});
        END IF;
        members := '[]';
        FOR member IN SELECT jsonb_array_elements(team -> 'users') LOOP
            IF jsonb_typeof(member) <> 'object' THEN
                RETURN {warehouse}.declared_only(teams, {shape});
            END IF;
            member := member - {member_left};
            IF member - {member_kept} <> '{{}}' OR jsonb_path_exists(member, nested) THEN
                RETURN {warehouse}.declared_only(teams, {shape});
            END IF;
            members := members || member;
        END LOOP;
        team := team - {team_left};
        IF team - {team_kept} <> '{{}}' OR jsonb_path_exists(team, nested) THEN
            RETURN {warehouse}.declared_only(teams, {shape});
        END IF;
        reduced := reduced || (team || jsonb_build_object('users', members));
    END LOOP;
    RETURN reduced;
END $$;
