"""The application's two limits, shared with everybody else who uses it.

42 counts requests per application, not per process or token: by default 2 a
second and 1,200 an hour, the latter by the clock hour. So what has been sent is
kept where all processes can see it: in an SQLite file for one machine, in Redis or
PostgreSQL for several. What others send without such an account shows in the API's
headers, which say how many requests are left for the hour.
"""

from __future__ import annotations

import hashlib
import logging
import time
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from threading import Lock
from typing import TYPE_CHECKING, TypeVar, cast

from backoff import full_jitter, random_jitter
from pyrate_limiter import FixedWindow, PostgresBucket, Rate, RateItem, SlidingWindowLog

from tap_ft42.api.headers import http_date, whole_number
from tap_ft42.api.retries import requested_wait, rest_of_the_hour
from tap_ft42.api.stores import open_bucket
from tap_ft42.declared.instants import HOUR

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests
    from pyrate_limiter import AbstractBucket

    from tap_ft42.api.clock import Clock

_SECOND = 1000

_ASSUMED = (2, 1200)
"""What everybody may send a second and an hour, where the API does not say otherwise."""

_LONGEST_ROLES = 100

_MARGIN = 25
"""Milliseconds by which two requests may draw nearer on their way to the API."""

_ATTEMPTS = 20
_LOCKED = 0.01
"""How often, and after how many seconds, an account is tried again that another process
is writing to."""

_ON_THEIR_WAY = 100
"""Requests that all who use the application may have sent and not seen answered."""

_FUTURE = 120_000
"""Milliseconds by which the clocks of two who share an account may differ."""

_LONGEST_PAUSE = 60.0
"""Seconds: a longer wait is one for the hour, not for the second."""


_T = TypeVar("_T")

_logger = logging.getLogger("tap-ft42")


@dataclass(frozen=True, slots=True)
class Limits:
    """What the API allows an application."""

    per_second: int
    per_hour: int
    roles: str

    @classmethod
    def of(cls, response: requests.Response) -> Limits | None:
        """Read them from an answer; None where it does not say them."""
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
            per_second: Requests a second, however many the API allows; 0 for no limit, None
                for what it allows.
            per_hour: The same by hour of the clock.
            reserve_percent: How much of the hour is left to others.
            store: Path of an SQLite file, or a URL of Redis or PostgreSQL; None to
                keep the account in memory.
            application: Whose account it is; those of others are not touched.
            clock: Tells the time.
        """
        name = "ft42_" + hashlib.sha256(application.encode()).hexdigest()[:16]
        self._clock = clock
        self._ceilings = (per_second, per_hour)
        self._reserve_percent = reserve_percent
        self.allowed: Limits | None = None
        """What the API allows; None if it has not said so."""
        self.per_second, self.per_hour = (
            known if limit is None else limit
            for known, limit in zip(_ASSUMED, self._ceilings, strict=True)
        )
        """The limits that the run keeps; 0 for none."""
        self._open(name, store)
        self._is_shared = store is not None
        self._lock = Lock()
        self._told: tuple[int, int | None] = (0, None)
        self._paused_until = 0.0
        self._refusals = 0
        self._asked_in = 0

    @property
    def _reserve(self) -> int:
        return self.per_hour * self._reserve_percent // 100

    @property
    def _rates(self) -> tuple[Rate | None, Rate | None]:
        return (
            Rate(self.per_hour - self._reserve, HOUR) if self.per_hour else None,
            Rate(self.per_second, _SECOND + _MARGIN) if self.per_second else None,
        )

    def _open(self, name: str, store: str | None) -> None:
        hour, second = self._rates
        self._hour = open_bucket(f"{name}_hour", store, hour, FixedWindow()) if hour else None
        # A sliding window: at no phase does the API see more in one of its seconds.
        log = SlidingWindowLog()
        self._second = open_bucket(f"{name}_second", store, second, log) if second else None
        for bucket in (self._hour, self._second):
            if bucket:
                self._leak(bucket)
                self._forget_the_future(bucket)

    def _forget_the_future(self, bucket: AbstractBucket) -> None:
        """Begin an account anew if it holds requests from the future.

        A clock that was wrong wrote them, and the account would be full until then.
        """
        newest = bucket.peek(0)
        if isinstance(newest, RateItem) and newest.timestamp > self._now() + _FUTURE:
            bucket.flush()

    def _kept(self, ask: Callable[[], _T]) -> _T:
        """Ask the account; go on with one of the run's own where it fails."""
        try:
            return ask()
        except Exception as error:  # noqa: BLE001 - each store has exceptions of its own
            with self._lock:
                if self._is_shared:
                    self._is_shared = False
                    self._open("", None)
                    _logger.warning(
                        "`quota_store` cannot be used any more (%s). The run goes on, and "
                        "accounts for its own requests only.",
                        type(error).__name__,
                        extra={"happened": "quota_store_lost"},
                    )
            return ask()

    def take(self) -> float:
        """Take permission for one request.

        Returns:
            0 if it may be sent now; else the seconds after which to ask again.
        """
        return self._kept(self._take)

    def _take(self) -> float:
        if (pause := self._paused_until - self._clock.time()) > 0:
            return pause
        if self._second and (wait := self._put(self._second)):
            return wait
        if self._hour and (wait := self._put(self._hour)):
            # The account may be wrong; once an hour the API is asked all the same.
            this_hour = self._now() // HOUR
            if self._asked_in == this_hour:
                return wait
            self._asked_in = this_hour
        return 0

    @property
    def spent(self) -> int:
        """Requests of this hour that the account knows of; 0 if it keeps none."""
        return self._kept(self._spent)

    def _spent(self) -> int:
        if not self._hour:
            return 0
        self._leak(self._hour)
        return cast("int", self._hour.count())

    def learn(self, response: requests.Response) -> None:
        """Correct the account by what the API says."""
        self._follow(Limits.of(response))
        left = whole_number(response.headers, "X-Hourly-RateLimit-Remaining")
        if response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            wait = requested_wait(response)
            if wait is None:
                wait = min(2.0**self._refusals, _LONGEST_PAUSE)
            if wait > _LONGEST_PAUSE:
                left = 0
            # If 42 wants a longer pause, it is asked again once the hour is over.
            wait = min(wait, self.rest_of_the_hour)
            self._refusals += 1
            # Those who were refused together must not come back together.
            self._paused_until = self._clock.time() + random_jitter(wait)
        else:
            self._refusals = 0
        if left is not None and self._is_of_this_hour(response):
            self._told = (self._now() // HOUR, left)
            self._kept(partial(self._correct, left - self._reserve))

    def _follow(self, allowed: Limits | None) -> None:
        """Keep to what the API allows, where no setting allows less."""
        if allowed is None or allowed == self.allowed:
            return
        kept = self.per_second, self.per_hour
        with self._lock:
            self.allowed = allowed
            self.per_second, self.per_hour = (
                limit if limit == 0 else min(told, limit or told)
                for told, limit in zip(
                    (allowed.per_second, allowed.per_hour), self._ceilings, strict=True
                )
            )
            for bucket, rate in zip((self._hour, self._second), self._rates, strict=True):
                if bucket and rate:
                    bucket.rates = [rate]
        if (self.per_second, self.per_hour) != kept:
            _logger.info(
                "42 allows this application %d requests a second and %d an hour (roles: %s). "
                "The run keeps to %d and %d.",
                allowed.per_second,
                allowed.per_hour,
                allowed.roles,
                self.per_second,
                self.per_hour,
                extra={"happened": "limits"},
            )

    @property
    def left(self) -> int | None:
        """Requests that the API has left for this hour; None if it has not said so."""
        hour, left = self._told
        return left if hour == self._now() // HOUR else None

    @property
    def rest_of_the_hour(self) -> float:
        """Seconds that are left of the clock hour."""
        return rest_of_the_hour(self._clock.time())

    def _correct(self, left: int) -> None:
        """Let the account say what the API says.

        Requests that were sent after the answer are in the account, but not in what the
        API says. So a charge for what others used may be too low, never too high. The
        next answers make up for it, and until then the reserve does. The account is
        raised only if requests that are on their way cannot explain the difference: if
        the API has forgotten some, or has another limit.
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
        """Forget what lies outside a limit's present window."""
        bucket.leak(self._now())

    def _put(self, bucket: AbstractBucket) -> float:
        """Charge a bucket with one request, or return the seconds until it has room."""
        for _ in range(_ATTEMPTS):
            item = RateItem("request", self._now())
            if bucket.put(item):
                return 0
            wait = cast("int", bucket.waiting(item))
            if not self._was_locked(bucket):
                return max(wait, 1) / 1000
            time.sleep(full_jitter(_LOCKED))
        return _LOCKED

    def _was_locked(self, bucket: AbstractBucket) -> bool:
        """Tell whether a bucket refused a request though it has room.

        In PostgreSQL it does so while another process charges it, and takes the whole window
        for the wait.
        """
        if not isinstance(bucket, PostgresBucket):
            return False
        self._leak(bucket)
        return cast("int", bucket.count()) < bucket.rates[0].limit

    def _is_of_this_hour(self, response: requests.Response) -> bool:
        """Tell whether an answer speaks of the hour that the account is in."""
        answered = http_date(response.headers, "Date")
        return answered is not None and answered * 1000 // HOUR == self._now() // HOUR

    def _now(self) -> int:
        return int(self._clock.time() * 1000)
