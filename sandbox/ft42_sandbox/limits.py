"""Rate limits: fixed windows of the clock's second and hour, like those of rack-throttle."""

from __future__ import annotations

import time
from dataclasses import dataclass

HOUR = 3600
# The number in the headers if there is no limit, for clients that read them.
UNLIMITED = 1_000_000


@dataclass
class Verdict:
    """The limits' decision about one request.

    Attributes:
        allowed: whether the request is within the limits.
        headers: the four rate-limit headers; they include this request.
        at: when it was judged, in seconds since 1970.
        wait: seconds until the window that refused it ends; 0 if it was allowed.
    """

    allowed: bool
    headers: dict[str, str]
    at: float
    wait: int = 0


class Windows:
    """How many requests each application has made this second and this hour."""

    def __init__(self) -> None:
        """Start with empty windows."""
        self._counts: dict[tuple[str, int], tuple[int, int]] = {}

    def count(
        self, uid: str, per_second: int, per_hour: int, *, refused_count: bool = False
    ) -> Verdict:
        """Count a request and judge it.

        Args:
            uid: the application.
            per_second: requests that are allowed in a second; 0 for any number.
            per_hour: requests that are allowed in an hour; 0 for any number.
            refused_count: whether a request that the second's limit refuses uses up the hour.
        """
        now = time.time()
        second, hour = int(now), int(now // HOUR)
        seconds_used = self._used(uid, 1, second)
        hours_used = self._used(uid, HOUR, hour)
        over_second = bool(per_second) and seconds_used >= per_second
        over_hour = bool(per_hour) and hours_used >= per_hour
        if not over_second:
            seconds_used += 1
        if not over_hour and (not over_second or refused_count):
            hours_used += 1
        self._counts[uid, 1] = (second, seconds_used)
        self._counts[uid, HOUR] = (hour, hours_used)
        headers = {
            **_headers("Secondly", per_second, seconds_used),
            **_headers("Hourly", per_hour, hours_used),
        }
        if over_hour and not over_second:
            wait = int(HOUR - now % HOUR) + 1
            return Verdict(allowed=False, headers=headers, at=now, wait=wait)
        return Verdict(allowed=not over_second, headers=headers, at=now, wait=int(over_second))

    def used_this_hour(self, uid: str) -> int:
        """How many requests of this hour an application has made."""
        return self._used(uid, HOUR, int(time.time() // HOUR))

    def use(self, uid: str, requests: int) -> None:
        """Count requests of this hour that others made with the same application."""
        hour = int(time.time() // HOUR)
        self._counts[uid, HOUR] = (hour, self._used(uid, HOUR, hour) + requests)

    def use_up_hour(self, uid: str, per_hour: int) -> None:
        """Use up the quota of this hour."""
        self._counts[uid, HOUR] = (int(time.time() // HOUR), per_hour)

    def reset(self) -> None:
        """Forget all counts, as if new windows had begun."""
        self._counts.clear()

    def _used(self, uid: str, length: int, window: int) -> int:
        known, used = self._counts.get((uid, length), (window, 0))
        return used if known == window else 0


def _headers(name: str, limit: int, used: int) -> dict[str, str]:
    limit = limit or UNLIMITED
    return {
        f"X-{name}-RateLimit-Limit": str(limit),
        f"X-{name}-RateLimit-Remaining": str(max(0, limit - used)),
    }
