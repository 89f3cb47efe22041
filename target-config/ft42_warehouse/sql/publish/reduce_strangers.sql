-- Removes names from landed rows about people who are not published; ids and facts stay.
UPDATE {landed} AS l SET {nothing}
FROM {looked_at} AS c
WHERE {same} AND NOT EXISTS (SELECT FROM {published}.users AS r WHERE r.id = l.{person})
AND ({named})
