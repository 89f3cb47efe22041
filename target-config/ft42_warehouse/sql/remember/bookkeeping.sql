-- The warehouse's own tables: publishes, erasures, objects.
-- The published schema can be dropped and rebuilt. This one cannot: it knows who was erased.
CREATE TABLE IF NOT EXISTS {warehouse}.publishes (
    publish_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    published_at timestamptz NOT NULL DEFAULT now(),
    took interval NOT NULL,
    -- All transactions with a smaller number had ended: the next publish begins here.
    seen_before bigint NOT NULL,
    -- If the server or the structure of the tables changes, the next publish looks at every
    -- row, as the numbers of transactions belong to one server.
    server bigint NOT NULL,
    structure text,
    inserted jsonb NOT NULL,
    changed jsonb NOT NULL,
    deleted jsonb NOT NULL
);

CREATE TABLE IF NOT EXISTS {warehouse}.erasures (
    user_id bigint PRIMARY KEY,
    erased_at timestamptz NOT NULL DEFAULT now(),
    -- A person who disappeared may come back, but not one who was anonymised or forgotten.
    reason text NOT NULL CHECK (reason IN ('disappeared', 'anonymised', 'forgotten'))
);

-- The versions of functions, triggers and views.
CREATE TABLE IF NOT EXISTS {warehouse}.objects (
    name text PRIMARY KEY,
    digest text NOT NULL
);

COMMENT ON TABLE {warehouse}.publishes IS 'What each publish did.';
COMMENT ON TABLE {warehouse}.erasures IS 'Whose data were erased, when, and why.';
