-- Of landed rows about people who are not published keeps ids, keys and facts without a name.
UPDATE {landed} AS l SET {nothing}
WHERE (({key}) IN (SELECT {key} FROM candidate)
    OR l.{person} IN (SELECT id FROM departed WHERE table_name = {persons}))
AND NOT EXISTS (SELECT FROM {published}.users AS r WHERE r.id = l.{person})
AND ({named})
