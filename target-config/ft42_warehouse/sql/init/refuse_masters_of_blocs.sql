-- Of the coalitions in a bloc keeps out the ids of masters who were erased.
CREATE OR REPLACE FUNCTION {warehouse}.refuse_masters_of_blocs() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    NEW.coalitions := {warehouse}.without_masters(NEW.coalitions);
    RETURN NEW;
END $$;
