-- Notes in a landed row which transaction wrote it.
-- A time would not be enough, as the loader commits its tables in parallel: a row can be older
-- than a publish that could not see it yet. An unchanged row is not written again: the loader
-- inserts each new row, and then updates it with the same values.
CREATE OR REPLACE FUNCTION {warehouse}.stamp() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        -- The rows are compared byte by byte. This trigger fires last, so NEW is reduced already.
        IF OLD OPERATOR(pg_catalog.*=) NEW AND OLD.landed_in IS NOT NULL THEN
            RETURN NULL;
        END IF;
    END IF;
    NEW.landed_in := pg_current_xact_id()::text::bigint;
    RETURN NEW;
END $$;
