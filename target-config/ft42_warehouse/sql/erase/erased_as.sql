-- Whose login it was before the person was erased.
SELECT user_id FROM {warehouse}.erased_strings WHERE digest = %(digest)s
