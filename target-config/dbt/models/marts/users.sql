-- A row can change between question and answer, and who was anonymised is nobody's row.
select p.* from (
{{ ft42.published('users') }}
) as p
where p.kind = 'student' and coalesce(p.alumni, false) = false and p.login not like '3b3-%'
