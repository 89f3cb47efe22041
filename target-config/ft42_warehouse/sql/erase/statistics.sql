-- Tables of which the server's statistics quote a string: whoever reads a column sees them.
SELECT DISTINCT schemaname::text, tablename::text
FROM pg_stats
WHERE schemaname = ANY (%(schemas)s)
AND concat_ws(' ', most_common_vals, most_common_elems, histogram_bounds) LIKE ANY (%(parts)s)
