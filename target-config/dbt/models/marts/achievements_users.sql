{{ ft42.published('achievements_users') }}
