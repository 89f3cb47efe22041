{% macro missed_by_a_census(stream, partition) %}
    {#- A query for the landed rows that a census missed: read before it counted, in a range
    that it read, and not among the ids that it found there.

    Args:
        stream: name of the stream.
        partition: column of the parent that a census can be limited to. -#}
    {%- set census = source('ft42_raw', 'census') -%}
    {#- What an older version of the tap landed has no cursus. -#}
    {%- set by_cursus = 'cursus_id' in ft42.column_names(census) -%}
    {%- set range = ['cursus_id', 'parent_id', 'first_id'] if by_cursus else ['parent_id', 'first_id'] -%}
    {%- set has_copies = by_cursus and stream in ft42.landed_for_each_cursus() -%}
    {%- set is_of_cursus = by_cursus and 'cursus_id' in ft42.column_names(source('ft42_raw', stream)) -%}
    select distinct '{{ stream }}' as stream, l.id, {{ 'l.cursus_id' if has_copies else '0' }} as cursus_id
    from {{ source('ft42_raw', stream) }} as l
    inner join (
        select {{ range | join(', ') }}, last_id, counted_at
        from {{ census }}
        where stream = '{{ stream }}' and {{ ft42.is_list('ids', 'total') }}
    ) as c
        on l.id between c.first_id and c.last_id
        and l._sdc_extracted_at < c.counted_at
        {%- if partition %}
        and (c.parent_id = 0 or c.parent_id = l.{{ partition }})
        {%- endif %}
        {%- if is_of_cursus %}
        and (c.cursus_id = 0 or c.cursus_id = l.cursus_id)
        {%- endif %}
    left join (
        {{ ft42.elements(
            '(select * from ' ~ census ~ " where stream = '" ~ stream ~ "' and "
            ~ ft42.is_list('ids', 'total') ~ ') as listed',
            range, 'ids', dbt.type_bigint()
        ) }}
    ) as e
        on e.element = l.id
        {%- for column in range %}
        and e.{{ column }} = c.{{ column }}
        {%- endfor %}
    where e.element is null
{% endmacro %}

{% macro current_rows(stream) %}
    {#- A query for the landed rows that 42 has, as far as known: without those that are gone,
    and each once, also where the target only appends. -#}
    {%- set landed = source('ft42_raw', stream) -%}
    {%- set key = ft42.landed_key(stream) -%}
    select
    {{ ft42.values_of(landed, 'l') }}
    from (
        select
            newest.*,
            row_number() over (
                partition by {{ key | join(', ') }} order by newest._sdc_extracted_at desc
            ) as ft42_age
        from {{ landed }} as newest
    ) as l
    left join {{ ref('gone') }} as g
        on g.stream = '{{ stream }}' and g.id = l.id
        {%- if 'cursus_id' in key %} and g.cursus_id = l.cursus_id {%- endif %}
    where l.ft42_age = 1 and g.id is null
{% endmacro %}

{% macro landed_key(stream) %}
    {#- The columns that tell landed rows apart. -#}
    {%- set key = ['id'] -%}
    {%- if stream in ft42.landed_for_each_cursus()
        and 'cursus_id' in ft42.column_names(source('ft42_raw', 'census')) -%}
        {%- do key.append('cursus_id') -%}
    {%- endif -%}
    {{ return(key) }}
{% endmacro %}
