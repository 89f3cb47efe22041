{{ ft42.current_rows('cursus') }}
