(
    SELECT e.cursus_id FROM {landing}.projects_users AS e
    WHERE e.user_id = l.id AND e.cursus_id IS NOT NULL
    ORDER BY e.updated_at DESC NULLS LAST LIMIT 1
)
