"""What was asked of the sandbox: counts by route, and the last minutes for the status page."""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

MINUTES_SHOWN = 15
REFUSALS_SHOWN = 30


@dataclass
class RouteTraffic:
    """The requests of one route."""

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0
    bytes: int = 0


@dataclass(frozen=True)
class Refusal:
    """A request that did not get a 2xx answer."""

    at: float
    route: str
    target: str
    status: int
    reason: str


class Traffic:
    """Counts requests by method and route, such as `GET /v2/cursus/:id/users`."""

    def __init__(self, log: Callable[[str], None] | None = None) -> None:
        """Start at nothing, and tell `log` of every answer if it is given."""
        self._log = log
        self.reset()

    def reset(self) -> None:
        """Forget all requests."""
        self._routes: dict[str, RouteTraffic] = {}
        self._minutes: Counter[int] = Counter()
        self.refusals: deque[Refusal] = deque(maxlen=REFUSALS_SHOWN)
        self.in_flight = 0

    def note(  # noqa: PLR0913, PLR0917 - what is known of an answer
        self, route: str, status: int, seconds: float, size: int, target: str, reason: str
    ) -> None:
        """Count an answer.

        Args:
            route: method and path pattern, or `token`.
            status: its HTTP status; 0 if the connection was dropped.
            seconds: from request to answer.
            size: the body's bytes.
            target: path and query, without secrets.
            reason: why it was refused, if it was.
        """
        traffic = self._routes.setdefault(route, RouteTraffic())
        traffic.statuses[status] += 1
        traffic.seconds += seconds
        traffic.bytes += size
        if self._log is not None:
            self._log(f"{status} {target} {seconds * 1000:.0f} ms {size} B {reason}".rstrip())
        minute = int(time.time() // 60)
        self._minutes[minute] += 1
        for old in [m for m in self._minutes if m <= minute - MINUTES_SHOWN]:
            del self._minutes[old]
        if not 200 <= status < 400:
            self.refusals.append(Refusal(time.time(), route, target, status, reason))

    def describe(self) -> dict[str, Any]:
        """Totals and counts by route; the token's requests are not in the total."""
        routes = {
            route: {
                "count": traffic.statuses.total(),
                "statuses": {str(s): n for s, n in sorted(traffic.statuses.items())},
                "seconds": round(traffic.seconds, 6),
                "bytes": traffic.bytes,
            }
            for route, traffic in sorted(self._routes.items())
        }
        token = routes.get("token", {"count": 0})["count"]
        return {
            "total": sum(r["count"] for name, r in routes.items() if name != "token"),
            "token": token,
            "routes": routes,
        }

    def minutes(self) -> list[tuple[int, int]]:
        """Requests in each of the last minutes, the oldest first, as (minutes ago, count)."""
        now = int(time.time() // 60)
        return [(ago, self._minutes[now - ago]) for ago in range(MINUTES_SHOWN - 1, -1, -1)]
