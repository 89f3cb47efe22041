INSERT INTO {warehouse}.turns (job) VALUES (%(job)s)
