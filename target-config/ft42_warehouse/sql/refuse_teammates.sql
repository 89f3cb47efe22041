-- Takes such a person out of the teams in the enrolments of others.
CREATE OR REPLACE FUNCTION {warehouse}.refuse_teammates() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    persons bigint[];
BEGIN
    SELECT array_agg(user_id) INTO persons
    FROM {warehouse}.erasures
    WHERE reason <> 'disappeared' AND user_id IN (
        SELECT {warehouse}.id_of(member)
        FROM jsonb_path_query(NEW.teams, '$[*].users[*]') AS member
    );
    IF persons IS NOT NULL THEN
        NEW.teams := {warehouse}.without_persons(NEW.teams, persons);
    END IF;
    RETURN NEW;
END $$;
