CREATE TABLE {warehouse}.checks (
    checked_at timestamptz NOT NULL DEFAULT now(),
    broken text[] NOT NULL,
    -- Rows that waited for a parent, by table; later checks compare with these numbers.
    orphans jsonb NOT NULL
);
COMMENT ON TABLE {warehouse}.checks IS
    'What each check found broken, and how many orphans waited then.';
