-- The coalitions in a bloc (the API's JSON) without the ids of masters who were erased.
CREATE OR REPLACE FUNCTION {warehouse}.without_masters(coalitions jsonb)
RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN NOT EXISTS (
            SELECT FROM jsonb_path_query(coalitions, '$[*]') AS coalition
            WHERE {warehouse}.is_refused({warehouse}.id_of(coalition, 'user_id'))
        ) THEN coalitions
        ELSE (
            SELECT jsonb_agg(CASE
                WHEN {warehouse}.is_refused({warehouse}.id_of(coalition, 'user_id'))
                    THEN coalition || '{{"user_id": null}}'
                ELSE coalition
            END ORDER BY place)
            FROM jsonb_path_query(coalitions, '$[*]') WITH ORDINALITY AS one(coalition, place)
        )
    END
$$;
