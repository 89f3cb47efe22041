-- Lets others of the same kind wait for the end of this transaction, and only these. What it
-- sees is younger than what it has waited for: a lock takes no snapshot.
LOCK TABLE {warehouse}.{turn} IN SHARE UPDATE EXCLUSIVE MODE
