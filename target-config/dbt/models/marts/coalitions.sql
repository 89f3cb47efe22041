-- The only tie from a coalition to a campus: the bloc that lists it. The latest bloc, should
-- several do.
with listed as (
    {{ ft42.elements(ref('blocs'), ['id', 'campus_id'], 'coalitions', dbt.type_bigint(), 'id') }}
),
latest as (
    select
        listed.*,
        row_number() over (partition by listed.element order by listed.id desc) as ft42_age
    from listed
)
select p.*, latest.id as bloc_id, latest.campus_id
from (
{{ ft42.published('coalitions') }}
) as p
left join latest on latest.element = p.id and latest.ft42_age = 1
