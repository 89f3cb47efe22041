INSERT INTO {warehouse}.publishes
    (took, seen_before, server, structure, inserted, changed, deleted)
SELECT
    clock_timestamp() - now(), pg_snapshot_xmin(pg_current_snapshot())::text::bigint,
    system_identifier, %(structure)s, %(inserted)s, %(changed)s, %(deleted)s
FROM pg_control_system()
