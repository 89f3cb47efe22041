{# Lists, which each warehouse lands and unnests in a way of its own. Only DuckDB's is tested. #}

{% macro elements(relation, columns, list, type, field=none) %}
    {#- A query for a row an element of a list: the columns, and `element`.

    Args:
        relation: what is read, a relation or the name of a CTE.
        columns: names of columns that are kept.
        list: name of the column with the list.
        type: SQL type of an element.
        field: field of each element that is meant, if the elements are objects. -#}
    {{ return(ft42.fields(relation, columns, list, {'element': [field, type]})) }}
{% endmacro %}

{% macro fields(relation, selected, list, taken) %}
    {#- A query for a row an element of a list: some columns, and what is taken from the element.

    Args:
        relation: what is read, a relation or the name of a CTE.
        selected: columns that are kept, as a query selects them.
        list: name of the column with the list.
        taken: the element's field and its SQL type, by the name that it gets; no field stands
            for the element itself. -#}
    {%- set values = [] -%}
    {%- for name, value in taken.items() -%}
        {%- set found = adapter.dispatch('value_in', 'ft42')(value[0]) -%}
        {%- do values.append('cast(' ~ found ~ ' as ' ~ value[1] ~ ') as ' ~ name) -%}
    {%- endfor -%}
    {{ return(adapter.dispatch('fields', 'ft42')(
        relation, (selected + values) | join(', '), list
    )) }}
{% endmacro %}

{% macro rows_of(table, column, kept, taken, key) %}
    {#- A query for a row each object in a list that the rows of a table hold.

    Args:
        table: name of the table.
        column: the one with the list.
        kept: columns of the table, by the name that they get.
        taken: as for `fields`.
        key: the columns that tell the rows apart; those without are skipped. -#}
    {%- set selected = [] -%}
    {%- for name, source in kept.items() -%}
        {%- do selected.append(source ~ ' as ' ~ name) -%}
    {%- endfor -%}
    select {{ (kept.keys() | list + taken.keys() | list) | join(', ') }}
    from (
        select
            item.*,
            row_number() over (
                partition by {{ key | join(', ') }} order by {{ taken.keys() | join(', ') }}
            ) as ft42_number
        from (
        {{ ft42.fields(ref(table), selected, column, taken) }}
        ) as item
        where {{ key | join(' is not null and ') }} is not null
    ) as numbered
    where ft42_number = 1
{% endmacro %}

{% macro default__value_in(field) %}
    {{ exceptions.raise_compiler_error('ft42: lists are not known for ' ~ target.type ~ '; add the macros ' ~ target.type ~ '__fields and ' ~ target.type ~ '__value_in') }}
{% endmacro %}

{% macro duckdb__value_in(field) %}each_one ->> '${{ "." ~ field if field }}'{% endmacro %}

{% macro duckdb__fields(relation, selected, list) %}
    select {{ selected }}
    from (
        select *, unnest(json_extract({{ list }}, '$[*]')) as each_one
        from {{ relation }}
    ) as unnested
{% endmacro %}

{# Not run here. #}
{% macro snowflake__value_in(field) %}each_one.value{{ ":" ~ field if field }}{% endmacro %}

{% macro snowflake__fields(relation, selected, list) %}
    select {{ selected }}
    from {{ relation }}, lateral flatten(input => {{ list }}) as each_one
{% endmacro %}

{# Not run here. The target lands a list without declared elements as an array of JSON. #}
{% macro bigquery__value_in(field) %}json_value(each_one, '${{ "." ~ field if field }}'){% endmacro %}

{% macro bigquery__fields(relation, selected, list) %}
    select {{ selected }}
    from {{ relation }}, unnest({{ list }}) as each_one
{% endmacro %}

{# Not run here. The target lands a list as text. #}
{% macro redshift__value_in(field) %}each_one{{ "." ~ field if field }}{% endmacro %}

{% macro redshift__fields(relation, selected, list) %}
    select {{ selected }}
    from (
        select *, json_parse({{ list }}) as parsed
        from {{ relation }}
        where {{ list }} like '[%'
    ) as listed, listed.parsed as each_one
{% endmacro %}

{# Not run here. The target lands a list as text. #}
{% macro clickhouse__value_in(field) %}
    {%- if field -%}
    JSON_VALUE(each_one, '$.{{ field }}')
    {%- else -%}
    trim(both '"' from each_one)
    {%- endif -%}
{% endmacro %}

{% macro clickhouse__fields(relation, selected, list) %}
    select {{ selected }}
    from (
        select *, arrayJoin(JSONExtractArrayRaw({{ list }})) as each_one
        from {{ relation }}
    ) as unnested
{% endmacro %}

{% macro is_list(list, length) %}
    {#- The condition that a column holds a list, if only an empty one, and not null.

    Args:
        list: name of the column.
        length: name of the column with the length that such a list would have. -#}
    {{ return(adapter.dispatch('is_list', 'ft42')(list, length)) }}
{% endmacro %}

{% macro default__is_list(list, length) %}{{ list }} is not null{% endmacro %}

{% macro duckdb__is_list(list, length) %}json_type({{ list }}) = 'ARRAY'{% endmacro %}

{# Not run here. #}
{% macro snowflake__is_list(list, length) %}is_array({{ list }}){% endmacro %}

{# Not run here. An array that is null becomes an empty one. #}
{% macro bigquery__is_list(list, length) %}(array_length({{ list }}) > 0 or {{ length }} = 0){% endmacro %}

{# Not run here. #}
{% macro redshift__is_list(list, length) %}{{ list }} like '[%'{% endmacro %}

{# Not run here. #}
{% macro clickhouse__is_list(list, length) %}JSONType(assumeNotNull({{ list }})) = 'Array'{% endmacro %}
