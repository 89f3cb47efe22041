"""The application's two limits, shared by all who use the application.

42 counts requests per application, not per process or token: by default 2 a second and
1,200 in each hour of the clock. So all processes share an account of the requests sent: in an
SQLite file on one machine, in Redis or PostgreSQL for several. Requests of programs that do
not use this account show in the API's headers, which say how many requests are left for
the hour.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from threading import Lock
from typing import TypeVar, cast

import requests
from backoff import random_jitter
from pyrate_limiter import AbstractBucket, FixedWindow, Rate, RateItem, SlidingWindowLog

from tap_ft42.api.clock import Clock
from tap_ft42.api.headers import http_date, whole_number
from tap_ft42.api.retries import requested_wait, rest_of_the_hour
from tap_ft42.api.stores import open_bucket
from tap_ft42.declared.events import EVENTS
from tap_ft42.declared.instants import HOUR

_SECOND = 1000

_ASSUMED = (2, 1200)
"""Requests a second and an hour that are allowed, until the API says otherwise."""

_LONGEST_ROLES = 100

_MARGIN = 25
"""Milliseconds by which the distance of two requests may shrink on their way to the API."""

_ON_THEIR_WAY = 100
"""Requests that all users of the application may have sent and not seen answered."""

_FUTURE = 120_000
"""Milliseconds by which the clocks of machines that share an account may differ."""

_LONGEST_PAUSE = 60.0
"""Seconds. A longer wait means the limit of the hour, not that of the second."""


_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Limits:
    """What the API allows an application."""

    per_second: int
    per_hour: int
    roles: str

    @classmethod
    def of(cls, response: requests.Response) -> Limits | None:
        """Read the limits from an answer; None if it does not have them."""
        second, hour = (
            whole_number(response.headers, f"X-{name}-RateLimit-Limit")
            for name in ("Secondly", "Hourly")
        )
        roles = response.headers.get("X-Application-Roles", "")
        is_plain = roles.isascii() and roles.isprintable() and len(roles) <= _LONGEST_ROLES
        shown = roles if roles and is_plain else "unknown"
        return cls(second, hour, shown) if second and hour else None


class Quota:
    """Says when the next request may be sent."""

    def __init__(  # noqa: PLR0913 - most are settings
        self,
        *,
        per_second: int | None,
        per_hour: int | None,
        reserve_percent: int = 0,
        store: str | None = None,
        application: str = "",
        clock: Clock,
    ) -> None:
        """Open the account.

        Args:
            per_second: Requests a second, at most; 0 for no limit, None for the API's limit.
            per_hour: Requests in an hour of the clock; the same values.
            reserve_percent: The share of the hour's requests that is left to others.
            store: Path of an SQLite file, or a URL of Redis or PostgreSQL; None to
                keep the account in memory.
            application: Identifies the application. Each has its own account.
            clock: Tells the time.
        """
        name = "ft42_" + hashlib.sha256(application.encode()).hexdigest()[:16]
        self._clock = clock
        self._ceilings = (per_second, per_hour)
        self._reserve_percent = reserve_percent
        self.allowed: Limits | None = None
        """What the API allows; None if it has not said."""
        self.per_second, self.per_hour = (
            known if limit is None else limit
            for known, limit in zip(_ASSUMED, self._ceilings, strict=True)
        )
        """The limits that the run keeps; 0 for none."""
        self._open(name, store)
        self._is_shared = store is not None
        self._lock = Lock()
        self._reported: tuple[int, int | None] = (0, None)
        """The hour of the API's last report, and the requests left in it."""
        self._paused_until = 0.0
        self._refusals = 0
        self._asked_in = 0

    @property
    def _reserve(self) -> int:
        return self.per_hour * self._reserve_percent // 100

    @property
    def usable(self) -> int:
        """Requests an hour without the reserve; 0 for no limit."""
        return self.per_hour - self._reserve

    @property
    def _rates(self) -> tuple[Rate | None, Rate | None]:
        return (
            Rate(self.usable, HOUR) if self.per_hour else None,
            Rate(self.per_second, _SECOND + _MARGIN) if self.per_second else None,
        )

    def _open(self, name: str, store: str | None) -> None:
        hour, second = self._rates
        self._hour = open_bucket(f"{name}_hour", store, hour, FixedWindow()) if hour else None
        # A sliding window: so no second of the API, whenever it begins, has too many.
        log = SlidingWindowLog()
        self._second = open_bucket(f"{name}_second", store, second, log) if second else None
        for bucket in (self._hour, self._second):
            if bucket:
                self._leak(bucket)
                self._forget_the_future(bucket)

    def _forget_the_future(self, bucket: AbstractBucket) -> None:
        """Empty an account that holds requests from the future.

        A wrong clock wrote them, and the account would stay full until then.
        """
        newest = bucket.peek(0)
        if isinstance(newest, RateItem) and newest.timestamp > self._now() + _FUTURE:
            bucket.flush()

    def _with_fallback(self, ask: Callable[[], _T]) -> _T:
        """Ask the shared account; if it fails, go on with an account in memory."""
        try:
            return ask()
        except Exception as error:  # noqa: BLE001 - each store has exceptions of its own
            with self._lock:
                if self._is_shared:
                    self._is_shared = False
                    self._open("", None)
                    EVENTS.warning(
                        "`quota_store` cannot be used any more (%s). The run goes on, and "
                        "counts only its own requests.",
                        type(error).__name__,
                        happened="quota_store_lost",
                    )
            return ask()

    def take(self) -> float:
        """Take permission for one request.

        Returns:
            0 if it may be sent now; else the seconds after which to ask again.
        """
        return self._with_fallback(self._take)

    def _take(self) -> float:
        if (pause := self._paused_until - self._clock.time()) > 0:
            return pause
        if self._second and (wait := self._put(self._second)):
            return wait
        if self._hour and (wait := self._put(self._hour)):
            # The account may be wrong, so one request an hour is sent all the same.
            this_hour = self._now() // HOUR
            if self._asked_in == this_hour:
                return wait
            self._asked_in = this_hour
        return 0

    @property
    def spent(self) -> int:
        """Requests of this hour in the account; 0 if there is no limit for the hour."""
        return self._with_fallback(self._spent)

    def _spent(self) -> int:
        if not self._hour:
            return 0
        self._leak(self._hour)
        return cast("int", self._hour.count())

    def learn(self, response: requests.Response) -> None:
        """Correct the limits and the account by the headers of an answer."""
        self._adopt(Limits.of(response))
        left = whole_number(response.headers, "X-Hourly-RateLimit-Remaining")
        if response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            wait = requested_wait(response)
            if wait is None:
                wait = min(2.0**self._refusals, _LONGEST_PAUSE)
            if wait > _LONGEST_PAUSE:
                left = 0
            # Even if 42 asks for a longer pause, it is asked again when the hour is over.
            wait = min(wait, self.rest_of_the_hour)
            self._refusals += 1
            # Processes that were refused together must not come back together.
            self._paused_until = self._clock.time() + random_jitter(wait)
        else:
            self._refusals = 0
        if left is not None and self._is_of_this_hour(response):
            self._reported = (self._now() // HOUR, left)
            self._with_fallback(partial(self._correct, left - self._reserve))

    def _adopt(self, allowed: Limits | None) -> None:
        """Adopt the limits of the API, unless a setting has a lower one."""
        if allowed is None or allowed == self.allowed:
            return
        kept = self.per_second, self.per_hour
        with self._lock:
            self.allowed = allowed
            self.per_second, self.per_hour = (
                ceiling if ceiling == 0 else min(limit, ceiling or limit)
                for limit, ceiling in zip(
                    (allowed.per_second, allowed.per_hour), self._ceilings, strict=True
                )
            )
            for bucket, rate in zip((self._hour, self._second), self._rates, strict=True):
                if bucket and rate:
                    bucket.rates = [rate]
        if (self.per_second, self.per_hour) != kept:
            EVENTS.info(
                "42 allows this application %d requests a second and %d an hour (roles: %s). "
                "The run sends at most %d and %d.",
                allowed.per_second,
                allowed.per_hour,
                allowed.roles,
                self.per_second,
                self.per_hour,
                happened="limits",
            )

    @property
    def left(self) -> int | None:
        """Requests that the API still allows in this hour; None if it has not said."""
        hour, left = self._reported
        return left if hour == self._now() // HOUR else None

    @property
    def rest_of_the_hour(self) -> float:
        """Seconds that are left of the clock hour."""
        return rest_of_the_hour(self._clock.time())

    def _correct(self, left: int) -> None:
        """Bring the account to the API's number of requests left.

        Requests sent after this answer are in the account already, but not in the API's
        number. So the charge for other programs may be too low, but never too high. The next
        answers make up for that; until then the reserve does. If the API has many more
        requests left than the account, the account is emptied: but only if requests on their
        way cannot explain the difference. Then the API has another limit, or has lost count.
        """
        if not (hour := self._hour):
            return
        limit = hour.rates[0].limit
        remaining = limit - self._spent()
        if left > remaining + _ON_THEIR_WAY and remaining < limit:
            hour.flush()
            remaining = limit
        if (charge := remaining - max(0, left)) > 0:
            hour.put(RateItem("others", self._now(), weight=charge))

    def _leak(self, bucket: AbstractBucket) -> None:
        """Drop the requests that lie outside the limit's present window."""
        bucket.leak(self._now())

    def _put(self, bucket: AbstractBucket) -> float:
        """Charge a bucket with one request; return 0, or the seconds until it has room."""
        item = RateItem("request", self._now())
        if bucket.put(item):
            return 0
        return max(cast("int", bucket.waiting(item)), 1) / 1000

    def _is_of_this_hour(self, response: requests.Response) -> bool:
        """Tell whether an answer is about the present hour of the account."""
        answered = http_date(response.headers, "Date")
        return answered is not None and answered * 1000 // HOUR == self._now() // HOUR

    def _now(self) -> int:
        return int(self._clock.time() * 1000)
