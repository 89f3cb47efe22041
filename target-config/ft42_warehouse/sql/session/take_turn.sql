-- Lets other transactions of the same kind wait for the end of this one.
-- A lock takes no snapshot. So, after waiting, the transaction sees what the other one wrote.
LOCK TABLE {warehouse}.{turn} IN SHARE UPDATE EXCLUSIVE MODE
