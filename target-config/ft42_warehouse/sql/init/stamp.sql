-- Notes in a landed row which transaction wrote it. The loader commits its tables in
-- parallel, so a time would not do: a row can be older than a publish that could not
-- see it yet.
CREATE OR REPLACE FUNCTION {warehouse}.stamp() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.landed_in := pg_current_xact_id()::text::bigint;
    RETURN NEW;
END $$;
