SELECT
    c.name, p.name AS campus, c.score, m.members, m.points,
    CASE WHEN c.color ~ '^#[0-9a-fA-F]{{6}}$' THEN c.color END AS color,
    rank() OVER (PARTITION BY c.campus_id ORDER BY c.score DESC NULLS LAST) AS rank
FROM {published}.coalitions AS c
JOIN {published}.campuses AS p ON p.id = c.campus_id
JOIN (
    SELECT coalition_id, count(*) AS members, sum(score)::bigint AS points
    FROM {published}.coalitions_users GROUP BY coalition_id
) AS m ON m.coalition_id = c.id
ORDER BY sum(m.members) OVER (PARTITION BY c.campus_id) DESC, p.name, p.id, rank, c.name
