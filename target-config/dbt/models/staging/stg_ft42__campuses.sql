{{ ft42.current_rows('campuses') }}
