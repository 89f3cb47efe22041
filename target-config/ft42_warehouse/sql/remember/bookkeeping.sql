-- What `warehouse` must remember. The published schema can be dropped and rebuilt;
-- this one can not: it knows who must not come back.
CREATE TABLE IF NOT EXISTS {warehouse}.publishes (
    publish_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    published_at timestamptz NOT NULL DEFAULT now(),
    took interval NOT NULL,
    -- All transactions before this one had ended: the next publish begins here.
    seen_before bigint NOT NULL,
    -- Transactions are numbered by a server, tables are shaped by a version of the
    -- schemas: where either has changed, the next publish looks at every row.
    server bigint NOT NULL,
    structure text,
    inserted jsonb NOT NULL,
    changed jsonb NOT NULL,
    deleted jsonb NOT NULL
);

CREATE TABLE IF NOT EXISTS {warehouse}.erasures (
    user_id bigint PRIMARY KEY,
    erased_at timestamptz NOT NULL DEFAULT now(),
    -- Who disappeared may come back; who was anonymised at 42 or forgotten here not.
    reason text NOT NULL CHECK (reason IN ('disappeared', 'anonymised', 'forgotten'))
);

-- Which functions, triggers and views are in place, and in which version.
CREATE TABLE IF NOT EXISTS {warehouse}.objects (
    name text PRIMARY KEY,
    digest text NOT NULL
);

COMMENT ON TABLE {warehouse}.publishes IS 'What each publish did.';
COMMENT ON TABLE {warehouse}.erasures IS 'Whose data were erased, when, and why.';
