"""Which failures a request survives, and how long it waits before the next try.

Tried again are answers 5xx, bodies that are not what the API sends (cut JSON, an
HTML page with status 200), timeouts and dropped connections. An answer 429 is no
failure: it is tried again as often as the quota and the run's budget allow.
Everything else is for a person to solve.
"""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from itertools import count
from typing import TYPE_CHECKING, Any

import backoff
import requests
from singer_sdk.exceptions import RetriableAPIError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from backoff.types import Details


class TooManyRequestsError(RetriableAPIError):
    """The API says that a limit of the application is used up."""


RETRIED = (
    RetriableAPIError,
    ConnectionResetError,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ConnectionError,
    requests.exceptions.ContentDecodingError,
    requests.exceptions.Timeout,
)
"""Exceptions after which a request is worth another try."""

MAX_TRIES = 6
"""Tries of one request: half a minute of trouble is survived."""

MAX_REFUSALS = 100
"""Answers 429 to one request: more than others can cause by using the quota."""

_LONGEST_BACKOFF = 60.0
_HOUR = 3600


def retried(func: Any, on_failure: Callable[[Details], None]) -> Any:  # noqa: ANN401 - sync or async
    """Let a function that sends a request try again.

    Args:
        func: The function; it may be a coroutine function.
        on_failure: Called before each wait.

    Returns:
        A function like it.
    """
    # Whoever sends the next request waits for the quota, so nothing waits here.
    patient = backoff.on_exception(
        backoff.constant,
        TooManyRequestsError,
        interval=0,
        jitter=None,
        max_tries=MAX_REFUSALS,
        on_backoff=on_failure,
        logger=None,
    )
    persistent = backoff.on_exception(
        waits,
        RETRIED,
        max_tries=MAX_TRIES,
        jitter=backoff.random_jitter,
        giveup=lambda failure: isinstance(failure, TooManyRequestsError),
        on_backoff=on_failure,
        logger=None,
    )
    return persistent(patient(func))


def waits() -> Generator[float, Exception, None]:
    """Generate the waits between the tries of one request.

    The protocol is that of the ``backoff`` package: the generator is primed
    once, then receives each failure and yields the seconds to wait. The caller
    adds jitter.

    Yields:
        What the server asks for, where it asks; else 1, 2, 4, … up to 60 s.
    """
    failure = yield 0.0
    for tries in count():
        response = getattr(failure, "response", None)
        asked = None if response is None else requested_wait(response)
        failure = yield min(2.0**tries, _LONGEST_BACKOFF) if asked is None else asked


def requested_wait(response: requests.Response) -> float | None:
    """Read from an answer how long the server wants to be left alone.

    Args:
        response: An answer whose status is an error.

    Returns:
        Seconds of ``Retry-After`` (a number or an HTTP date); without that
        header the rest of the clock hour if the hourly quota is used up, as
        the API's windows are fixed; None if the server asks for nothing.
    """
    now = time.time()
    retry_after = response.headers.get("Retry-After", "").strip()
    if retry_after.isdecimal():
        return float(retry_after)
    if retry_after:
        try:
            return max(0.0, parsedate_to_datetime(retry_after).timestamp() - now)
        except ValueError:
            return None
    if response.headers.get("X-Hourly-RateLimit-Remaining") == "0":
        return _HOUR - now % _HOUR
    return None
