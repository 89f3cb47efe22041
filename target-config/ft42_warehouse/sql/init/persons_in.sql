-- The persons whose data a rejected record may hold, at any depth and in any form.
CREATE OR REPLACE FUNCTION {warehouse}.persons_in(stream text, record_id text, body jsonb)
RETURNS bigint[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT array_agg(split_part(value #>> '{{}}', '.', 1)::bigint)
    FROM (
        {anybody}
        UNION ALL SELECT jsonb_path_query(body, '$.**.id') WHERE stream = 'users'
        UNION ALL SELECT to_jsonb(record_id) WHERE stream = 'users'
    ) AS found
    WHERE jsonb_typeof(value) IN ('number', 'string')
    AND value #>> '{{}}' ~ '^[0-9]{{1,18}}(\.0+)?$'
$$;
