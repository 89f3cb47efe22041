{% macro newest_copies(table, instead={}) %}
    {#- A query for the current rows of a table, each id once. Of several copies that was
    changed last at 42 counts, and of equals the one that was read last.

    Args:
        table: name of the table.
        instead: as for `values_of`. -#}
    {%- set staged = ref('stg_ft42__' ~ table) -%}
    {%- if table not in ft42.landed_for_each_cursus() -%}
    select
    {{ ft42.values_of(staged, 's', instead) }}
    from {{ staged }} as s
    {%- else -%}
    {%- set columns = ft42.column_names(staged) -%}
    {#- What a single run over all cursus would have kept, whichever copy is the newest. -#}
    {%- set merged = [] -%}
    {%- for column in ['campus_id', 'cursus_id'] if column in columns -%}
        {%- do merged.append(column) -%}
    {%- endfor -%}
    {%- set replaced = {} -%}
    {%- for column in merged -%}
        {%- do replaced.update({column: 's.ft42_' ~ column}) -%}
    {%- endfor -%}
    select
    {{ ft42.values_of(staged, 's', replaced) }}
    from (
        select
            copies.*,
            {%- for column in merged %}
            max(copies.{{ column }}) over (partition by copies.id) as ft42_{{ column }},
            {%- endfor %}
            row_number() over (
                partition by copies.id
                order by
                    copies.updated_at desc,
                    copies._sdc_extracted_at desc
                    {%- if 'cursus_id' in columns %}, copies.cursus_id desc{% endif %}
            ) as ft42_age
        from {{ staged }} as copies
    ) as s
    where s.ft42_age = 1
    {%- endif -%}
{% endmacro %}

{% macro lacks_parent(column, parent, alias) %}
    {#- The condition that a row points to one that is not published. -#}
    {{ alias }}.{{ column }} is not null
    and {{ alias }}.{{ column }} not in (select id from {{ ref(parent) }})
{% endmacro %}

{% macro published(table, instead={}) %}
    {#- A query for the rows of a table whose parents are published; for arguments see
    `newest_copies`. -#}
    select r.* from (
    {{ ft42.newest_copies(table, instead) }}
    ) as r
    where true
    {%- for column, parent in ft42.parents(table).items() %}
    and not ({{ ft42.lacks_parent(column, parent, 'r') }})
    {%- endfor %}
{% endmacro %}
