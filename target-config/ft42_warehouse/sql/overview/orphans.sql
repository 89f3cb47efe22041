SELECT table_name, rows FROM {waiting} AS w ORDER BY rows DESC, table_name
