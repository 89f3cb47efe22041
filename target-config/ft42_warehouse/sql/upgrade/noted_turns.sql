-- Older versions did not note behind which turns `warehouse alert --after` was called.
ALTER TABLE {warehouse}.turns ADD COLUMN IF NOT EXISTS noted_at timestamptz
