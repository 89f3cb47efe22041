{# Written by `make docs`; for logic of its own, replace the file with this line. #}
{{ ft42.rows_of(
    'cursus_users', 'skills',
    {'cursus_user_id': 'id', 'user_id': 'user_id', 'cursus_id': 'cursus_id'},
    {'skill_id': ['id', dbt.type_bigint()], 'name': ['name', dbt.type_string()], 'level': ['level', ft42.type_double()]},
    ['cursus_user_id', 'skill_id']
) }}
