CREATE TABLE {warehouse}.erasure_salt (salt text NOT NULL);
INSERT INTO {warehouse}.erasure_salt VALUES (gen_random_uuid()::text || gen_random_uuid()::text);
COMMENT ON TABLE {warehouse}.erasure_salt IS 'What the digests are salted with.';
