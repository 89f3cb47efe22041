-- Derives the campus and the rank of each member.
-- The subquery has the old values, too: so only rows that change are looked up; most do not.
UPDATE {published}.coalitions_users AS p
SET campus_id = r.campus_id, rank = r.rank, last_changed_at = now()
FROM (
    SELECT
        m.id, c.campus_id, m.campus_id AS last_campus_id, m.rank AS last_rank,
        rank() OVER (PARTITION BY m.coalition_id ORDER BY m.score DESC NULLS LAST) AS rank
    FROM {published}.coalitions_users AS m
    JOIN {published}.coalitions AS c ON c.id = m.coalition_id
) AS r
WHERE p.id = r.id AND (r.last_campus_id, r.last_rank) IS DISTINCT FROM (r.campus_id, r.rank)
