-- Derives which campus awards which badge: a badge names its campuses.
WITH named AS (
    SELECT DISTINCT c.id AS campus_id, a.id AS achievement_id
    FROM {published}.achievements AS a
    CROSS JOIN LATERAL jsonb_path_query(to_jsonb(a.campus), '$[*]') AS label
    JOIN {published}.campuses AS c ON c.name = label #>> '{{}}'
), removed AS (
    DELETE FROM {published}.campus_achievements AS p
    WHERE NOT EXISTS (
        SELECT FROM named AS n
        WHERE (n.campus_id, n.achievement_id) = (p.campus_id, p.achievement_id)
    ) AND NOT EXISTS (
        SELECT FROM {landing}.campus_achievements AS l
        WHERE (l.campus_id, l.achievement_id) = (p.campus_id, p.achievement_id)
    )
)
INSERT INTO {published}.campus_achievements
    (campus_id, achievement_id, first_seen_at, last_changed_at)
SELECT campus_id, achievement_id, now(), now() FROM named AS n
WHERE NOT EXISTS (
    SELECT FROM {published}.campus_achievements AS p
    WHERE (p.campus_id, p.achievement_id) = (n.campus_id, n.achievement_id)
)
