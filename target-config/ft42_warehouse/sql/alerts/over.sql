UPDATE {warehouse}.alerts SET over_at = now() WHERE key = ANY (%(keys)s) AND over_at IS NULL
