-- Takes who was erased out of the teams in the enrolments of others, and of all teams what
-- nobody declared, and logins, addresses and texts: people are named by their ids.
CREATE OR REPLACE FUNCTION {warehouse}.refuse_teammates() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    persons bigint[];
BEGIN
    SELECT array_agg(user_id) INTO persons
    FROM {warehouse}.erasures
    WHERE user_id IN (
        SELECT {warehouse}.id_of(member)
        FROM jsonb_path_query(NEW.teams, '$[*].users[*]') AS member
    ) AND {warehouse}.is_refused(user_id);
    IF persons IS NOT NULL THEN
        NEW.teams := {warehouse}.without_persons(NEW.teams, persons);
    END IF;
    IF NOT {keep_strangers} THEN
        NEW.teams := {warehouse}.declared_only(NEW.teams, {shape});
    END IF;
    RETURN NEW;
END $$;
