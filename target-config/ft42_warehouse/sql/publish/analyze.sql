ANALYZE {table}, {each_landed}
