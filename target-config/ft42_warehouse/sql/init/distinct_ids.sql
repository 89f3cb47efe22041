-- Sorts ids, and removes duplicates.
CREATE OR REPLACE FUNCTION {warehouse}.distinct_ids(ids bigint[])
RETURNS bigint[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ARRAY(SELECT DISTINCT unnest(ids) ORDER BY 1)
$$;
