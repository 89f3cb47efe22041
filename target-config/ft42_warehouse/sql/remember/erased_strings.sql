CREATE TABLE {warehouse}.erased_strings (
    user_id bigint NOT NULL REFERENCES {warehouse}.erasures ON DELETE CASCADE,
    digest text NOT NULL,
    PRIMARY KEY (user_id, digest)
);
COMMENT ON TABLE {warehouse}.erased_strings IS
    'Digests of what erased persons were called, by which `warehouse check` knows it again.';
