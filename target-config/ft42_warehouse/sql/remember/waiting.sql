CREATE TABLE {warehouse}.waiting (
    table_name text,
    -- The key that the published row would have.
    key bigint[],
    foreign_key text,
    PRIMARY KEY (table_name, key, foreign_key)
);
COMMENT ON TABLE {warehouse}.waiting IS
    'Which landed rows the last publish left waiting for a parent: counted in no time.';
