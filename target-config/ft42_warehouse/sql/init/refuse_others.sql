-- Removes erased persons from rows of others.
-- It also reduces lists of people to ids: undeclared fields, logins, addresses and texts go.
CREATE OR REPLACE FUNCTION {function}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    persons bigint[];
BEGIN
    SELECT array_agg(user_id) INTO persons
    FROM {warehouse}.erasures
    -- With an array the server uses the key's index, however many persons were erased.
    WHERE user_id = ANY (ARRAY({mentioned})) AND {warehouse}.is_refused(user_id);
    IF persons IS NOT NULL THEN
        {without}
    END IF;
    IF NOT {keep_strangers} THEN
        {reduce}
    END IF;
    RETURN NEW;
END $$;
