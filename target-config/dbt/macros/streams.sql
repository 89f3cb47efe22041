{# Written by `make docs` from the declarations of the streams; changes here are lost. #}

{% macro streams() %}
    {# The streams with an id, and the column of the parent that a census can be limited to. #}
    {%- set partitions = {
        'achievements': none,
        'achievements_users': none,
        'blocs': none,
        'campuses': none,
        'coalitions': none,
        'coalitions_users': 'coalition_id',
        'cursus': none,
        'cursus_users': none,
        'projects': none,
        'projects_users': 'campus_id',
        'users': none,
    } -%}
    {%- set optional = {
        'campus_users': none,
    } -%}
    {%- for stream in var('ft42_optional_streams', []) -%}
        {%- do partitions.update({stream: optional[stream]}) -%}
    {%- endfor -%}
    {{ return(partitions) }}
{% endmacro %}

{% macro landed_for_each_cursus() %}
    {# Streams with a row for each cursus that they were read for. #}
    {{ return(['projects', 'projects_users', 'users']) }}
{% endmacro %}

{% macro parents(table) %}
    {# Which rows of which table must be published before a row of this one is, by column. #}
    {%- set references = {
        'achievements_users': {'achievement_id': 'achievements', 'user_id': 'users'},
        'blocs': {'campus_id': 'campuses', 'cursus_id': 'cursus'},
        'campus_achievements': {'campus_id': 'campuses', 'achievement_id': 'achievements'},
        'campus_users': {'user_id': 'users', 'campus_id': 'campuses'},
        'coalitions_users': {'coalition_id': 'coalitions', 'user_id': 'users'},
        'cursus_users': {'user_id': 'users', 'cursus_id': 'cursus'},
        'projects_users': {'campus_id': 'campuses', 'user_id': 'users', 'project_id': 'projects', 'cursus_id': 'cursus'},
    } -%}
    {{ return(references.get(table, {})) }}
{% endmacro %}
