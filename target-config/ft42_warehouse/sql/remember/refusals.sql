CREATE TABLE {warehouse}.refusals (
    refused_at timestamptz NOT NULL DEFAULT now(),
    table_name text NOT NULL,
    would_delete bigint NOT NULL,
    of_rows bigint NOT NULL
);
COMMENT ON TABLE {warehouse}.refusals IS
    'Publishes that changed nothing, as they would have deleted too much of a table.';
