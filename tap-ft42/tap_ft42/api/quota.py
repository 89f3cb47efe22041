"""The application's two limits, kept together with whoever else uses it.

42 counts requests per application, not per process or token: by default 2 a
second and 1,200 an hour, the latter by the clock hour. So what has been sent is
kept where all processes can see it: in an SQLite file for one machine, in Redis or
PostgreSQL for several. Users of the application that keep no such account betray
themselves by the API's headers, which say what is left of the hour.
"""

from __future__ import annotations

import hashlib
import time
from contextlib import suppress
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from backoff import full_jitter, random_jitter
from pyrate_limiter import (
    FixedWindow,
    InMemoryBucket,
    LogAlgorithm,
    PostgresBucket,
    Rate,
    RateItem,
    RedisBucket,
    SlidingWindowLog,
    SQLiteBucket,
)
from singer_sdk.exceptions import ConfigValidationError

from tap_ft42.api.errors import without_secrets
from tap_ft42.api.retries import requested_wait

if TYPE_CHECKING:
    import requests
    from pyrate_limiter import AbstractBucket

_SECOND = 1000
_HOUR = 3_600_000

_MARGIN = 25
"""Milliseconds by which two requests may draw nearer on their way to the API."""

_PATIENCE = 10
"""Seconds for the store to answer when it is opened."""

_ATTEMPTS = 20
_LOCKED = 0.01
"""How often, and after how many seconds, an account is tried again that another process
is writing to."""

_ON_THEIR_WAY = 100
"""Requests that all who use the application may have sent and not seen answered."""

_LONGEST_PAUSE = 60.0
"""Seconds: who asks for more speaks of the hour, not of the second."""


class Quota:
    """Says when the next request may be sent."""

    def __init__(
        self,
        *,
        per_second: int,
        per_hour: int,
        reserve_percent: int = 0,
        store: str | None = None,
        application: str = "",
    ) -> None:
        """Open the account.

        Args:
            per_second: Requests a second; 0 for no limit.
            per_hour: Requests a clock hour; 0 for no limit.
            reserve_percent: How much of the hour is left to others.
            store: Path of an SQLite file, or a URL of Redis or PostgreSQL; None to
                keep the account in memory.
            application: What the account is of; those of others are not touched.
        """
        name = "ft42_" + hashlib.sha256(application.encode()).hexdigest()[:16]
        self._reserve = per_hour * reserve_percent // 100
        self._hour = per_hour and _bucket(
            f"{name}_hour", store, Rate(per_hour - self._reserve, _HOUR), FixedWindow()
        )
        # A sliding window: at no phase does the API see more in one of its seconds.
        self._second = per_second and _bucket(
            f"{name}_second", store, Rate(per_second, _SECOND + _MARGIN), SlidingWindowLog()
        )
        for bucket in (self._hour, self._second):
            if bucket:
                _leak(bucket)
        self.per_hour = per_hour
        """The limit; 0 for none."""
        self._told: tuple[int, int | None] = (0, None)
        self._paused_until = 0.0
        self._refusals = 0
        self._asked_in = 0

    def take(self) -> float:
        """Take permission for one request.

        Returns:
            0 if it may be sent now; else the seconds after which to ask again.
        """
        if (pause := self._paused_until - time.time()) > 0:
            return pause
        if self._second and (wait := _put(self._second)):
            return wait
        if self._hour and (wait := _put(self._hour)):
            # The account may be wrong; once an hour the API is asked all the same.
            this_hour = _now() // _HOUR
            if self._asked_in == this_hour:
                return wait
            self._asked_in = this_hour
        return 0

    @property
    def spent(self) -> int:
        """Requests of this hour that the account knows of; 0 if it keeps none."""
        if not self._hour:
            return 0
        _leak(self._hour)
        return cast("int", self._hour.count())

    def learn(self, response: requests.Response) -> None:
        """Correct the account by what the API says.

        Args:
            response: The answer to a request that was permitted.
        """
        left = response.headers.get("X-Hourly-RateLimit-Remaining", "")
        if response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            wait = requested_wait(response)
            if wait is None:
                wait = min(2.0**self._refusals, _LONGEST_PAUSE)
            if wait > _LONGEST_PAUSE:
                left = "0"
            self._refusals += 1
            # Those who were refused together must not come back together.
            self._paused_until = time.time() + random_jitter(wait)
        else:
            self._refusals = 0
        if left.isdecimal() and _is_of_this_hour(response):
            self._told = (_now() // _HOUR, int(left))
            if self._hour:
                self._correct(self._hour, int(left) - self._reserve)

    @property
    def left(self) -> int | None:
        """Requests that the API has left for this hour; None if it has not said so."""
        hour, left = self._told
        return left if hour == _now() // _HOUR else None

    def _correct(self, hour: AbstractBucket, left: int) -> None:
        """Let the account say what the API says.

        What was sent since the answer is in the account already but not in what the
        API says, so a charge for what others used may come out too low, never too
        high. The next answers make up for it, and until then the reserve does. The
        account is set right upwards only if it is further off than requests that are
        on their way can explain: if the API has forgotten, or its limit is another.
        """
        limit = hour.rates[0].limit
        remaining = limit - self.spent
        if left > remaining + _ON_THEIR_WAY and remaining < limit:
            hour.flush()
            remaining = limit
        if (charge := remaining - max(0, left)) > 0:
            hour.put(RateItem("others", _now(), weight=charge))


def _bucket(
    name: str, store: str | None, rate: Rate, algorithm: LogAlgorithm
) -> AbstractBucket:
    """Open the account of one limit.

    Raises:
        ConfigValidationError: The store cannot be opened.
    """
    if store is None:
        return InMemoryBucket([rate], algorithm=algorithm)
    match urlsplit(store).scheme:
        case "redis" | "rediss":
            open_bucket = _in_redis
        case "postgresql" | "postgres":
            open_bucket = _in_postgres
        case _:
            open_bucket = _in_sqlite
    try:
        return open_bucket(name, store, rate, algorithm)
    except ImportError as error:
        message = f"`quota_store` needs the package {error.name}: see tap-ft42's README."
        raise ConfigValidationError(message, errors=[message]) from error
    except Exception as error:  # each store has exceptions of its own
        message = (
            f"`quota_store` {without_secrets(store)} cannot be opened "
            f"({type(error).__name__}). Check its path or URL, and that it is running."
        )
        raise ConfigValidationError(message, errors=[message]) from error


def _in_redis(name: str, store: str, rate: Rate, algorithm: LogAlgorithm) -> AbstractBucket:
    import redis  # noqa: PLC0415 - an optional dependency

    bucket = RedisBucket.init([rate], redis.Redis.from_url(store), name, algorithm)
    return cast("AbstractBucket", bucket)


def _in_postgres(name: str, store: str, rate: Rate, algorithm: LogAlgorithm) -> AbstractBucket:
    from psycopg import connect  # noqa: PLC0415 - an optional dependency
    from psycopg_pool import ConnectionPool  # noqa: PLC0415 - an optional dependency

    # A pool tries again until its time is over, and does not say why it failed.
    connect(store, connect_timeout=_PATIENCE).close()
    pool = ConnectionPool(store, min_size=1, max_size=2, open=False)
    pool.open(wait=True, timeout=_PATIENCE)
    return PostgresBucket(pool, name, [rate], algorithm)


def _in_sqlite(name: str, store: str, rate: Rate, algorithm: LogAlgorithm) -> AbstractBucket:
    file = Path(store.removeprefix("sqlite:///")).expanduser()
    file.parent.mkdir(parents=True, exist_ok=True)
    return SQLiteBucket.init_from_file(
        [rate], table=name, db_path=str(file), use_file_lock=True, algorithm=algorithm
    )


def _leak(bucket: AbstractBucket) -> None:
    """Forget what lies outside a limit's present window."""
    bucket.leak(_now())


def _put(bucket: AbstractBucket) -> float:
    """Charge a bucket with one request, or return the seconds until it has room."""
    for _ in range(_ATTEMPTS):
        item = RateItem("request", _now())
        if bucket.put(item):
            return 0
        wait = cast("int", bucket.waiting(item))
        if not _was_locked(bucket):
            return max(wait, 1) / 1000
        time.sleep(full_jitter(_LOCKED))
    return _LOCKED


def _was_locked(bucket: AbstractBucket) -> bool:
    """Tell whether a bucket refused a request though it has room.

    In PostgreSQL it does so while another process charges it, and takes the whole window
    for the wait.
    """
    if not isinstance(bucket, PostgresBucket):
        return False
    _leak(bucket)
    return cast("int", bucket.count()) < bucket.rates[0].limit


def _is_of_this_hour(response: requests.Response) -> bool:
    """Tell whether an answer speaks of the hour that the account is in."""
    with suppress(KeyError, ValueError):
        answered = parsedate_to_datetime(response.headers["Date"]).timestamp() * 1000
        return answered // _HOUR == _now() // _HOUR
    return False


def _now() -> int:
    return time.time_ns() // 1_000_000
