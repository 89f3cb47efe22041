-- The erased person who had this login.
SELECT user_id FROM {warehouse}.erased_strings WHERE digest = %(digest)s
