-- Begins a publish. It updates one table after the other, so keys are checked at its end.
SET CONSTRAINTS ALL DEFERRED;
-- Rows that a policy hides must not look deleted: this makes them an error.
SET LOCAL row_security = off;
CREATE TEMPORARY TABLE gone (table_name text, id bigint) ON COMMIT DROP;
CREATE TEMPORARY TABLE erased (user_id bigint PRIMARY KEY, reason text) ON COMMIT DROP;
CREATE TEMPORARY TABLE arrived (table_name text, id bigint) ON COMMIT DROP;
CREATE TEMPORARY TABLE departed (table_name text, id bigint) ON COMMIT DROP;
