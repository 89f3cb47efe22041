{# Written by `make docs`; for logic of its own, replace the file with this line. #}
{{ config(enabled='campus_users' in var('ft42_optional_streams', [])) }}
{{ ft42.current_rows('campus_users') }}
