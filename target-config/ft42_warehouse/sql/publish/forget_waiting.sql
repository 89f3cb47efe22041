-- A publish that looks at every row finds anew which ones wait for a parent.
DELETE FROM {warehouse}.waiting
