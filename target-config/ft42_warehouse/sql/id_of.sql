-- The id in an object of JSON, null if it is none.
CREATE OR REPLACE FUNCTION {warehouse}.id_of(object jsonb, field text DEFAULT 'id')
RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN object ->> field ~ '^[0-9]{{1,18}}$' THEN (object ->> field)::bigint END
$$;
