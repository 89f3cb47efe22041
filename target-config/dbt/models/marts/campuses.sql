{{ ft42.published('campuses') }}
