-- Whose data were erased has to be known for as long as they could land again; of when, the
-- year is left.
UPDATE {warehouse}.erasures SET erased_at = date_trunc('year', erased_at)
WHERE erased_at < {before} AND erased_at <> date_trunc('year', erased_at)
