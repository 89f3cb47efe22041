-- Adds to turns when `warehouse alert --after` was called, which older versions did not note.
ALTER TABLE {warehouse}.turns ADD COLUMN IF NOT EXISTS noted_at timestamptz
