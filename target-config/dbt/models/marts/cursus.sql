{{ ft42.published('cursus') }}
