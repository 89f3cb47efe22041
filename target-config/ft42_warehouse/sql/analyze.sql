ANALYZE {table}, {landed}
