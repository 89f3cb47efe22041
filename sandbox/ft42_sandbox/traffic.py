"""Counts requests by route, and the last minutes for the status page."""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

MINUTES_SHOWN = 15
REFUSALS_SHOWN = 30
# Older single requests are forgotten; the counts still have them.
REQUESTS_KEPT = 50_000


@dataclass
class RouteTraffic:
    """The requests of one route."""

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0
    bytes: int = 0


@dataclass(frozen=True)
class LoggedRequest:
    """One request and its answer.

    Attributes:
        at: when the limits judged it, in seconds since 1970.
        client_id: the application; empty if the request had no token of one.
        token: the first digits of the access token.
        route: method and path pattern, or `token`.
        target: path and query, without secrets.
        status: the HTTP status; 0 if the connection was dropped.
        seconds: from request to answer.
        bytes: the length of the body.
        reason: why it was refused, if it was.
    """

    at: float
    client_id: str
    token: str
    route: str
    target: str
    status: int
    seconds: float
    bytes: int
    reason: str

    @property
    def succeeded(self) -> bool:
        """Whether the request got what it asked for."""
        return 200 <= self.status < 400


@dataclass(frozen=True)
class Minute:
    """How many requests of a minute got what they asked for, and how many did not."""

    ago: int
    answered: int
    refused: int


class Traffic:
    """Counts requests by method and route, such as `GET /v2/cursus/:id/users`."""

    def __init__(self, log: Callable[[str], None] | None = None) -> None:
        """Start with no requests, and pass every answer to `log` if it is given."""
        self._log = log
        self.in_flight = 0
        self.reset()

    def reset(self) -> None:
        """Forget all requests, also those that are being answered now."""
        self._since = time.time()
        self._routes: dict[str, RouteTraffic] = {}
        self._minutes: Counter[tuple[int, bool]] = Counter()
        self._logged: deque[LoggedRequest] = deque(maxlen=REQUESTS_KEPT)
        self._count = 0
        self.refusals: deque[LoggedRequest] = deque(maxlen=REFUSALS_SHOWN)

    def note(self, request: LoggedRequest) -> None:
        """Count a request that was answered."""
        if self._log is not None:
            took = f"{request.seconds * 1000:.0f} ms {request.bytes} B"
            self._log(f"{request.status} {request.target} {took} {request.reason}".rstrip())
        if request.at < self._since:
            return
        traffic = self._routes.setdefault(request.route, RouteTraffic())
        traffic.statuses[request.status] += 1
        traffic.seconds += request.seconds
        traffic.bytes += request.bytes
        self._count += 1
        self._logged.append(request)
        minute = int(time.time() // 60)
        self._minutes[minute, request.succeeded] += 1
        for old in [key for key in self._minutes if key[0] <= minute - MINUTES_SHOWN]:
            del self._minutes[old]
        if not request.succeeded:
            self.refusals.append(request)

    def log(self, after: int = 0) -> list[dict[str, Any]]:
        """Single requests after a number, in the order of their answers, oldest first."""
        first = self._count - len(self._logged) + 1
        return [
            {"seq": seq, **asdict(request)}
            for seq, request in enumerate(self._logged, first)
            if seq > after
        ]

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

    def minutes(self) -> list[Minute]:
        """Requests in each of the last minutes, the oldest first."""
        now = int(time.time() // 60)
        return [
            Minute(ago, self._minutes[now - ago, True], self._minutes[now - ago, False])
            for ago in range(MINUTES_SHOWN - 1, -1, -1)
        ]

    def latest(self, count: int) -> list[LoggedRequest]:
        """The requests that were answered last, the newest first."""
        return list(islice(reversed(self._logged), count))
