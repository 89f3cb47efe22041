{{ ft42.published('projects_users') }}
