-- Coalitions compete within their bloc: a campus has one for each cursus.
SELECT
    c.name, p.name AS campus, u.name AS cursus, c.score, m.members, m.points,
    CASE WHEN c.color ~ '^#[0-9a-fA-F]{{6}}$' THEN c.color END AS color,
    rank() OVER (PARTITION BY c.bloc_id ORDER BY c.score DESC NULLS LAST) AS rank
FROM {published}.coalitions AS c
JOIN {published}.blocs AS b ON b.id = c.bloc_id
JOIN {published}.campuses AS p ON p.id = c.campus_id
LEFT JOIN {published}.cursus AS u ON u.id = b.cursus_id
JOIN (
    SELECT coalition_id, count(*) AS members, sum(score)::bigint AS points
    FROM {published}.coalitions_users GROUP BY coalition_id
) AS m ON m.coalition_id = c.id
ORDER BY
    sum(m.members) OVER (PARTITION BY c.bloc_id) DESC, p.name, u.name, c.bloc_id, rank, c.name
