-- Keeps out the rejected records of a person who was erased.
CREATE OR REPLACE FUNCTION {warehouse}.refuse_rejected() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (
        SELECT FROM unnest({warehouse}.persons_in(NEW.stream, NEW.record_id, NEW.body)) AS person
        WHERE {warehouse}.is_refused(person)
    ) THEN
        RETURN NULL;
    END IF;
    RETURN NEW;
END $$;
