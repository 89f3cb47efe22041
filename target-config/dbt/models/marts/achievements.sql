{{ ft42.published('achievements') }}
