-- Coalitions stay without their masters who were erased.
UPDATE {coalitions} SET user_id = NULL{noting} WHERE {warehouse}.is_refused(user_id);
UPDATE {blocs} SET coalitions = {warehouse}.without_masters(coalitions){noting}
WHERE coalitions IS DISTINCT FROM {warehouse}.without_masters(coalitions)
