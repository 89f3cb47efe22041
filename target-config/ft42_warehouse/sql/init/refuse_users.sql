-- Keeps out a person who was erased, unless the person had disappeared and 42 lists them again.
-- Of a person outside of the scope, it keeps only the key, and the columns that show the scope.
CREATE OR REPLACE FUNCTION {function}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    is_in_scope boolean := (SELECT {scope} FROM (SELECT NEW.*) AS l);
BEGIN
    IF EXISTS (
        SELECT FROM {warehouse}.erasures
        WHERE user_id = NEW.id AND (reason <> 'disappeared' OR is_in_scope IS NOT TRUE)
    ) THEN
        RETURN NULL;
    END IF;
    IF is_in_scope IS NOT TRUE AND NOT {keep_strangers} THEN
{reduce}
    END IF;
    RETURN NEW;
END $$;
