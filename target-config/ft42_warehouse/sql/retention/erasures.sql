-- Reduces the date of an old erasure to its year.
-- The id must stay as long as the person's data could land again.
UPDATE {warehouse}.erasures SET erased_at = date_trunc('year', erased_at)
WHERE erased_at < {before} AND erased_at <> date_trunc('year', erased_at)
