-- Rows that have lost a copy: what is left of them may differ.
INSERT INTO candidate
SELECT id FROM gone WHERE table_name = {table_name}
