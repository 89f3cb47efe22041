-- Drops the triggers of older versions, which removed persons from three tables only.
DROP FUNCTION IF EXISTS {warehouse}.refuse_teammates() CASCADE;
DROP FUNCTION IF EXISTS {warehouse}.refuse_masters() CASCADE;
DROP FUNCTION IF EXISTS {warehouse}.refuse_masters_of_blocs() CASCADE;
DROP FUNCTION IF EXISTS {warehouse}.without_masters(jsonb);
DROP FUNCTION IF EXISTS {warehouse}.without_persons(jsonb, bigint[])
