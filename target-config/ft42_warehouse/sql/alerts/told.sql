INSERT INTO {warehouse}.alerts (key, severity, text)
VALUES (%(key)s, %(severity)s, %(text)s)
