CREATE TABLE {warehouse}.erased_strings (
    user_id bigint NOT NULL REFERENCES {warehouse}.erasures ON DELETE CASCADE,
    digest text NOT NULL,
    PRIMARY KEY (user_id, digest)
);
COMMENT ON TABLE {warehouse}.erased_strings IS
    'Digests of what erased persons were called, by which `warehouse check` knows it again.';
CREATE TABLE {warehouse}.erasure_salt (salt text NOT NULL);
INSERT INTO {warehouse}.erasure_salt VALUES (gen_random_uuid()::text || gen_random_uuid()::text);
COMMENT ON TABLE {warehouse}.erasure_salt IS 'What the digests are salted with.';
