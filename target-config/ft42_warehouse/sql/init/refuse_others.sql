-- Takes who was erased out of rows of others, and of lists of people what nobody declared, and
-- logins, addresses and texts: people are named by their ids.
CREATE OR REPLACE FUNCTION {function}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    persons bigint[];
BEGIN
    SELECT array_agg(user_id) INTO persons
    FROM {warehouse}.erasures
    -- An array, for which the key's index is used however many were erased.
    WHERE user_id = ANY (ARRAY({mentioned})) AND {warehouse}.is_refused(user_id);
    IF persons IS NOT NULL THEN
        {without}
    END IF;
    IF NOT {keep_strangers} THEN
        {reduce}
    END IF;
    RETURN NEW;
END $$;
