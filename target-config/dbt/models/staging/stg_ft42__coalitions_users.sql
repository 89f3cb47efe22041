{{ ft42.current_rows('coalitions_users') }}
