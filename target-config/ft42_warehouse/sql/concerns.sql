-- Whether a rejected record holds data of a person.
CREATE OR REPLACE FUNCTION {warehouse}.concerns(
    stream text, record_id text, body jsonb, person bigint
) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(
        stream = 'users' AND record_id = person::text
        OR body -> 'user' ->> 'id' = person::text
        OR body ->> 'user_id' = person::text
        OR body -> 'teams' @> jsonb_build_array(
            jsonb_build_object('users', jsonb_build_array(jsonb_build_object('id', person)))
        ),
        false
    )
$$;
