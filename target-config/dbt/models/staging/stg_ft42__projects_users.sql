{{ ft42.current_rows('projects_users') }}
