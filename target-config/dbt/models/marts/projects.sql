{{ ft42.published('projects') }}
