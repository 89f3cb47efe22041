SELECT count(*), max(last_changed_at), (SELECT count(*) FROM {landed}) FROM {table}
