-- Notes in a landed row which transaction wrote it. The loader commits its tables in
-- parallel, so a time would not do: a row can be older than a publish that could not
-- see it yet. A row that was there just so is not written again: the loader inserts each
-- new row, and updates it at once with the same values.
CREATE OR REPLACE FUNCTION {warehouse}.stamp() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        -- Byte by byte, whatever equals what; and the last trigger, so of what is let in.
        IF OLD OPERATOR(pg_catalog.*=) NEW AND OLD.landed_in IS NOT NULL THEN
            RETURN NULL;
        END IF;
    END IF;
    NEW.landed_in := pg_current_xact_id()::text::bigint;
    RETURN NEW;
END $$;
