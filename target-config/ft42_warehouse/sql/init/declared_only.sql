-- Reduces a value of JSON to the fields that a shape declares.
-- The shape {{"id": {{}}, "users": {{"id": {{}}}}}} keeps the id, and the ids of users. All other fields
-- are removed. So is a list or an object in place of a single value, and anything else in place
-- of objects.
CREATE OR REPLACE FUNCTION {warehouse}.declared_only(value jsonb, shape jsonb)
RETURNS jsonb LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    IF jsonb_typeof(value) = 'array' THEN
        RETURN coalesce((
            SELECT jsonb_agg({warehouse}.declared_only(item, shape) ORDER BY place)
            FROM jsonb_array_elements(value) WITH ORDINALITY AS one(item, place)
            WHERE jsonb_typeof(item) = 'object'
        ), '[]');
    ELSIF jsonb_typeof(value) = 'object' THEN
        RETURN coalesce((
            SELECT jsonb_object_agg(key, CASE
                WHEN (shape -> key = '{{}}') = (jsonb_typeof(field) NOT IN ('array', 'object')) THEN
                    CASE WHEN shape -> key = '{{}}' THEN field
                    ELSE {warehouse}.declared_only(field, shape -> key) END
            END)
            FROM jsonb_each(value) AS one(key, field)
            WHERE shape ? key
        ), '{{}}');
    END IF;
    RETURN NULL;
END $$;
