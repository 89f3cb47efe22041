INSERT INTO {warehouse}.refusals (table_name, would_delete, of_rows)
VALUES (%(table_name)s, %(would_delete)s, %(of_rows)s)
