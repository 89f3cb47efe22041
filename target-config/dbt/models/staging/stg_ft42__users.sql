{{ ft42.current_rows('users') }}
