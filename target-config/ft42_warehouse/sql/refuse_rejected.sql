-- Keeps out the rejected records of such a person.
CREATE OR REPLACE FUNCTION {warehouse}.refuse_rejected() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (
        SELECT FROM {warehouse}.erasures
        WHERE reason <> 'disappeared'
        AND {warehouse}.concerns(NEW.stream, NEW.record_id, NEW.body, user_id)
    ) THEN
        RETURN NULL;
    END IF;
    RETURN NEW;
END $$;
