SELECT requests, requests_per_hour
FROM {last_hour} AS used
WHERE requests_per_hour > 0 AND requests * 100 >= requests_per_hour * %(quota_percent)s
