(SELECT table_name, sum(rows)::bigint AS rows FROM {published}.orphans GROUP BY table_name)
