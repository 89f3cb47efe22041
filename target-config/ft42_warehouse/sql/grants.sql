GRANT USAGE ON SCHEMA {landings} TO {loader};
GRANT SELECT, INSERT, UPDATE ON {landed_tables} TO {loader};
GRANT USAGE ON SCHEMA {published} TO {reader};
GRANT SELECT ON {published_tables} TO {reader};
