{%- set selects = [] -%}
{%- for table in ft42.streams() -%}
    {%- for column, parent in ft42.parents(table).items() -%}
        {%- set select -%}
select
    '{{ table }}' as table_name,
    r.id as row_id,
    '{{ column }}' as foreign_key,
    '{{ parent }}' as missing_from,
    r.{{ column }} as missing_id
from (
{{ ft42.newest_copies(table) }}
) as r
where {{ ft42.lacks_parent(column, parent, 'r') }}
        {%- endset -%}
        {%- do selects.append(select) -%}
    {%- endfor -%}
{%- endfor -%}
{{ selects | join('\nunion all\n') }}
