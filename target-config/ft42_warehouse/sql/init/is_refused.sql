-- Whether a person's rows are kept out: for good, or for as long as 42 does not list them.
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
