{# Written by `make docs`; for logic of its own, replace the file with this line. #}
{{ ft42.published('cursus_users') }}
