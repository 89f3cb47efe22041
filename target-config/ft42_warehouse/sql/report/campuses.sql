-- Figures of each campus: students, enrolments, badges.
-- The campus of a student is the main one in campus_users, if this stream is loaded; otherwise
-- the campus of the last enrolment.
WITH home AS (
    SELECT DISTINCT ON (user_id) user_id, campus_id
    FROM (
        SELECT user_id, campus_id, 1 AS choice, updated_at
        FROM {published}.campus_users WHERE is_primary
        UNION ALL
        SELECT user_id, campus_id, 2, max(created_at)
        FROM {published}.projects_users WHERE campus_id IS NOT NULL
        GROUP BY user_id, campus_id
    ) AS known
    ORDER BY user_id, choice, updated_at DESC NULLS LAST, campus_id
), student AS (
    SELECT campus_id, count(*) AS students, count(*) FILTER (WHERE u.active) AS active
    FROM home JOIN {published}.users AS u ON u.id = home.user_id
    GROUP BY campus_id
), enrolment AS (
    SELECT
        campus_id, count(*) FILTER (WHERE validated) AS validated,
        round(avg(final_mark) FILTER (WHERE validated), 1) AS mark
    FROM {published}.projects_users
    GROUP BY campus_id
), badge AS (
    SELECT home.campus_id, count(*) AS badges
    FROM {published}.achievements_users AS a JOIN home USING (user_id)
    GROUP BY home.campus_id
)
SELECT
    c.name, s.students, s.active, coalesce(e.validated, 0) AS validated, e.mark,
    coalesce(b.badges, 0) AS badges
FROM student AS s
JOIN {published}.campuses AS c ON c.id = s.campus_id
LEFT JOIN enrolment AS e USING (campus_id)
LEFT JOIN badge AS b USING (campus_id)
ORDER BY s.students DESC, c.name
