{{ ft42.current_rows('projects') }}
