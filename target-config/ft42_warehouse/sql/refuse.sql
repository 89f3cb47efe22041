-- Keeps out the rows of a person who was anonymised or forgotten. Runs with the rights
-- of its owner: the loader need not know who that is.
CREATE OR REPLACE FUNCTION {function}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (
        SELECT FROM {warehouse}.erasures
        WHERE user_id = NEW.{person} AND reason <> 'disappeared'
    ) THEN
        RETURN NULL;
    END IF;
    RETURN NEW;
END $$;
