-- Keeps out the rows of a person who was erased. Runs with the rights of its owner: the
-- loader need not know who that is.
CREATE OR REPLACE FUNCTION {function}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF {warehouse}.is_refused(NEW.{person}) THEN
        RETURN NULL;
    END IF;
    RETURN NEW;
END $$;
