CREATE TABLE {warehouse}.alerts (
    key text NOT NULL,
    severity text NOT NULL,
    text text NOT NULL,
    told_at timestamptz NOT NULL DEFAULT now(),
    over_at timestamptz
);
CREATE UNIQUE INDEX alerts_once_a_cause ON {warehouse}.alerts (key) WHERE over_at IS NULL;
COMMENT ON TABLE {warehouse}.alerts IS
    'What `warehouse alert` told, when, and since when that is over.';
