-- Where the last publish ended, if that is still valid for this server and these tables.
SELECT seen_before
FROM {warehouse}.publishes
WHERE publish_id = (SELECT max(publish_id) FROM {warehouse}.publishes)
AND structure = %(structure)s
AND server = (SELECT system_identifier FROM pg_control_system())
AND seen_before <= pg_snapshot_xmin(pg_current_snapshot())::text::bigint
