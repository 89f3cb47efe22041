-- Candidates: rows that have lost a copy, as the remaining copies may differ.
INSERT INTO candidate
SELECT id FROM gone WHERE table_name = {table_name}
