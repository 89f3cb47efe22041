-- Takes who was erased out of the teams in the enrolments of others, and of all teams what
-- nobody declared, and logins, addresses and texts: people are named by their ids.
CREATE OR REPLACE FUNCTION {warehouse}.refuse_teammates() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    persons bigint[];
BEGIN
    SELECT array_agg(user_id) INTO persons
    FROM {warehouse}.erasures
    -- An array, for which the key's index is used however many were erased.
    WHERE user_id = ANY (ARRAY(
        SELECT {warehouse}.id_of(member)
        FROM jsonb_path_query(NEW.teams, '$[*].users[*]') AS member
    )) AND {warehouse}.is_refused(user_id);
    IF persons IS NOT NULL THEN
        NEW.teams := {warehouse}.without_persons(NEW.teams, persons);
    END IF;
    IF NOT {keep_strangers} THEN
        NEW.teams := {warehouse}.reduced_teams(NEW.teams);
    END IF;
    RETURN NEW;
END $$;
