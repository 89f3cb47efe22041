SELECT key, severity, text, told_at FROM {warehouse}.alerts WHERE over_at IS NULL ORDER BY key
