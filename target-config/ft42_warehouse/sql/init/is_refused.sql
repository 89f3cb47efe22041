-- Whether a person's rows may not land: for good, or as long as 42 does not list the person.
CREATE OR REPLACE FUNCTION {warehouse}.is_refused(person bigint) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM {warehouse}.erasures AS e
        WHERE e.user_id = person AND (e.reason <> 'disappeared' OR NOT EXISTS (
            SELECT FROM {landing}.users AS l WHERE l.id = person AND {scope}
        ))
    );
END $$;
