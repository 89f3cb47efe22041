-- Removes persons from a value of JSON; the steps are the path to their ids.
-- If a person is an item of a list, the item is removed. An object that is a person becomes null,
-- and so does an id that is not called "id". If an object changes, it is reduced to the declared
-- fields of the shape, without texts.
CREATE OR REPLACE FUNCTION {warehouse}.without_persons(
    value jsonb, steps text[], persons bigint[], shape jsonb DEFAULT NULL
)
RETURNS jsonb LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    below text[] := CASE WHEN steps[1] = '*' THEN steps[2:] ELSE steps END;
    changed jsonb := value;
BEGIN
    IF jsonb_typeof(value) = 'array' THEN
        RETURN coalesce((
            SELECT jsonb_agg(kept ORDER BY place)
            FROM jsonb_array_elements(value) WITH ORDINALITY AS one(item, place)
            CROSS JOIN LATERAL {warehouse}.without_persons(item, below, persons, shape) AS kept
            WHERE kept IS NOT NULL
        ), '[]');
    ELSIF jsonb_typeof(value) <> 'object' OR value -> below[1] IS NULL THEN
        RETURN value;
    END IF;
    IF cardinality(below) > 1 THEN
        changed := value || jsonb_build_object(
            below[1], {warehouse}.without_persons(value -> below[1], below[2:], persons)
        );
    ELSIF {warehouse}.id_of(value, below[1]) = ANY (persons) THEN
        changed := CASE WHEN below[1] <> 'id' THEN value || jsonb_build_object(below[1], NULL) END;
    END IF;
    IF changed IS DISTINCT FROM value AND shape IS NOT NULL THEN
        RETURN {warehouse}.declared_only(changed, shape);
    END IF;
    RETURN changed;
END $$;
