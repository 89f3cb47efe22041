-- Text and jsonb refuse the character NUL; json and bytea would hide it.
SELECT format('%s.%s.%s is of type %s, which can hide a NUL', table_schema, table_name, column_name, data_type)
FROM information_schema.columns
WHERE table_schema = ANY ({schema_names}) AND data_type IN ('json', 'bytea')
