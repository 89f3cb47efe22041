{# Lists, which each warehouse lands and unnests in a way of its own. Only DuckDB's is tested. #}

{% macro elements(relation, columns, list, type, field=none) %}
    {#- A query for a row an element of a list: the columns, and `element`.

    Args:
        relation: what is read, a relation or the name of a CTE.
        columns: names of columns that are kept.
        list: name of the column with the list.
        type: SQL type of an element.
        field: field of each element that is meant, if the elements are objects. -#}
    {{ return(adapter.dispatch('elements', 'ft42')(relation, columns | join(', '), list, type, field)) }}
{% endmacro %}

{% macro default__elements(relation, columns, list, type, field) %}
    {{ exceptions.raise_compiler_error('ft42: lists are not known for ' ~ target.type ~ '; add a macro ' ~ target.type ~ '__elements') }}
{% endmacro %}

{% macro duckdb__elements(relation, columns, list, type, field) %}
    select {{ columns }}, cast(element ->> '$' as {{ type }}) as element
    from (
        select
            {{ columns }},
            unnest(json_extract({{ list }}, '$[*]{{ "." ~ field if field }}')) as element
        from {{ relation }}
    ) as unnested
{% endmacro %}

{# Not run here. #}
{% macro snowflake__elements(relation, columns, list, type, field) %}
    select {{ columns }}, cast(each_one.value{{ ":" ~ field if field }} as {{ type }}) as element
    from {{ relation }}, lateral flatten(input => {{ list }}) as each_one
{% endmacro %}

{# Not run here. The target lands a list without declared elements as an array of JSON. #}
{% macro bigquery__elements(relation, columns, list, type, field) %}
    select {{ columns }}, cast(json_value(each_one, '${{ "." ~ field if field }}') as {{ type }}) as element
    from {{ relation }}, unnest({{ list }}) as each_one
{% endmacro %}

{# Not run here. The target lands a list as text. #}
{% macro redshift__elements(relation, columns, list, type, field) %}
    select {{ columns }}, cast(each_one{{ "." ~ field if field }} as {{ type }}) as element
    from (
        select {{ columns }}, json_parse({{ list }}) as parsed
        from {{ relation }}
        where {{ list }} like '[%'
    ) as listed, listed.parsed as each_one
{% endmacro %}

{# Not run here. The target lands a list as text. #}
{% macro clickhouse__elements(relation, columns, list, type, field) %}
    select
        {{ columns }},
        cast(
            {% if field -%}
            JSONExtractString(each_one, '{{ field }}')
            {%- else -%}
            trim(both '"' from each_one)
            {%- endif %} as {{ type }}
        ) as element
    from (
        select {{ columns }}, arrayJoin(JSONExtractArrayRaw({{ list }})) as each_one
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
