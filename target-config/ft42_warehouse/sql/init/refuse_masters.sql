-- Of coalitions keeps out the id of a master who was erased.
CREATE OR REPLACE FUNCTION {warehouse}.refuse_masters() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF {warehouse}.is_refused(NEW.user_id) THEN
        NEW.user_id := NULL;
    END IF;
    RETURN NEW;
END $$;
