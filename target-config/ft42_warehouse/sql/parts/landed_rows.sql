SELECT {table_name} AS table_name, count({counted}) AS rows FROM {landed} AS l
