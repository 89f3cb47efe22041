-- The id in an object of JSON, null if it has none: 7, "7" and 7.0 are the same.
CREATE OR REPLACE FUNCTION {warehouse}.id_of(object jsonb, field text DEFAULT 'id')
RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN object ->> field ~ '^[0-9]{{1,18}}(\.0+)?$'
        THEN split_part(object ->> field, '.', 1)::bigint END
$$;
