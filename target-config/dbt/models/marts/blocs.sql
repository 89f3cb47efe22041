{{ ft42.published('blocs') }}
