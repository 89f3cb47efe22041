{% macro column_names(relation) %}
    {#- The names of the columns of a relation; none before it exists. -#}
    {%- set names = [] -%}
    {%- if execute -%}
        {%- for column in adapter.get_columns_in_relation(relation) -%}
            {%- do names.append(column.name | lower) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(names) }}
{% endmacro %}

{% macro values_of(relation, alias, instead={}) %}
    {#- All columns of a relation, as a query selects them.

    Args:
        relation: a relation.
        alias: its alias in the query.
        instead: expressions by the name of the column that they stand for; none leaves it out. -#}
    {%- set selected = [] -%}
    {%- if execute -%}
        {%- for column in adapter.get_columns_in_relation(relation) -%}
            {%- set name = column.name | lower -%}
            {%- if name not in instead -%}
                {%- do selected.append(ft42.value_of(column, alias)) -%}
            {%- elif instead[name] is not none -%}
                {%- do selected.append(instead[name] ~ ' as ' ~ adapter.quote(column.name)) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(selected | join(',\n    ') or alias ~ '.*') }}
{% endmacro %}

{% macro value_of(column, alias) %}
    {{ return(adapter.dispatch('value_of', 'ft42')(column, alias)) }}
{% endmacro %}

{% macro default__value_of(column, alias) %}
    {{ return(alias ~ '.' ~ adapter.quote(column.name)) }}
{% endmacro %}

{% macro duckdb__value_of(column, alias) %}
    {#- The target lands integers with 128 bits, which hardly anything else can read. -#}
    {%- set value = ft42.default__value_of(column, alias) -%}
    {%- if column.dtype | upper == 'HUGEINT' -%}
        {%- set value = 'cast(' ~ value ~ ' as bigint) as ' ~ adapter.quote(column.name) -%}
    {%- endif -%}
    {{ return(value) }}
{% endmacro %}

{% macro type_double() %}
    {#- The SQL type of a number with decimals, with 64 bits. -#}
    {{ return(adapter.dispatch('type_double', 'ft42')()) }}
{% endmacro %}

{% macro default__type_double() %}{{ return(dbt.type_float()) }}{% endmacro %}

{% macro duckdb__type_double() %}double{% endmacro %}

{# Not run here. #}
{% macro clickhouse__type_double() %}Float64{% endmacro %}
