-- Keeps out the rows of a person who was erased.
-- It runs with the rights of its owner, as the loader may not read who was erased.
CREATE OR REPLACE FUNCTION {function}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF {warehouse}.is_refused(NEW.{person}) THEN
        RETURN NULL;
    END IF;
    RETURN NEW;
END $$;
