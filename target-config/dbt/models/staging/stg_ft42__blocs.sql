{{ ft42.current_rows('blocs') }}
