-- Finds tables whose statistics in the server contain a string, as readers can see these.
SELECT DISTINCT schemaname::text, tablename::text
FROM pg_stats
WHERE schemaname = ANY (%(schemas)s)
AND concat_ws(' ', most_common_vals, most_common_elems, histogram_bounds) LIKE ANY (%(parts)s)
