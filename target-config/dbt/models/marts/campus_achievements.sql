-- A badge names the campuses that award it.
with named as (
    {{ ft42.elements(ref('achievements'), ['id'], 'campus', dbt.type_string()) }}
)
select distinct c.id as campus_id, named.id as achievement_id
from named
inner join {{ ref('campuses') }} as c on c.name = named.element
