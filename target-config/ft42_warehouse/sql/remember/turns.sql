CREATE TABLE {warehouse}.turns (
    job text NOT NULL,
    began_at timestamptz NOT NULL DEFAULT now(),
    -- Null while the turn runs, or if it was killed and nobody noted that.
    ended_at timestamptz,
    published boolean,
    -- When `warehouse alert --after` was called after the turn.
    noted_at timestamptz
);
COMMENT ON TABLE {warehouse}.turns IS
    'When each job began, when it ended, and whether it came as far as its publish.';
