-- A publish puts its tables right one after the other; the keys must hold at its end.
SET CONSTRAINTS ALL DEFERRED;
-- What a policy hides must not look as if it were gone.
SET LOCAL row_security = off;
CREATE TEMPORARY TABLE gone (table_name text, id bigint) ON COMMIT DROP;
CREATE TEMPORARY TABLE erased (user_id bigint PRIMARY KEY, reason text) ON COMMIT DROP;
CREATE TEMPORARY TABLE arrived (table_name text, id bigint) ON COMMIT DROP;
CREATE TEMPORARY TABLE departed (table_name text, id bigint) ON COMMIT DROP;
