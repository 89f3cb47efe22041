SELECT valid_until, valid_until - now() AS rest
FROM {valid_until} AS secret
WHERE valid_until > now() AND valid_until - now() <= %(secret_notice)s
ORDER BY valid_until LIMIT 1
