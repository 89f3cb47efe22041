SELECT count(*), max(last_changed_at), (SELECT count({counted}) FROM {landed} AS l) FROM {table}
