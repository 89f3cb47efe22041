SELECT format('%s ranks of coalitions_users are not those of the scores', count(*))
FROM (
    SELECT m.rank AS published, rank() OVER (PARTITION BY m.coalition_id ORDER BY m.score DESC NULLS LAST) AS computed
    FROM {published}.coalitions_users AS m
) AS ranks
WHERE published IS DISTINCT FROM computed
HAVING count(*) > 0
