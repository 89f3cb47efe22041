SELECT format('the database is encoded in %s, which lacks letters that names have', pg_encoding_to_char(encoding))
FROM pg_database WHERE datname = current_database() AND pg_encoding_to_char(encoding) <> 'UTF8'
