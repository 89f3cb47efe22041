{# Written by `make docs`; for logic of its own, replace the file with this line. #}
{{ ft42.current_rows('cursus_users') }}
