{{ ft42.current_rows('achievements_users') }}
