-- The rank is computed: the API's goes stale.
select
    p.*,
    c.campus_id,
    rank() over (partition by p.coalition_id order by p.score desc nulls last) as rank
from (
{{ ft42.published('coalitions_users', {'rank': none}) }}
) as p
inner join {{ ref('coalitions') }} as c on c.id = p.coalition_id
