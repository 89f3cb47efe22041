"""How long to wait before a request is tried again.

Tried again are answers 429 and 5xx, bodies that are not what the API sends
(cut JSON, an HTML page with status 200), timeouts and dropped connections.
Everything else is for a person to solve.
"""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from itertools import count
from typing import TYPE_CHECKING

import requests
from singer_sdk.exceptions import RetriableAPIError

if TYPE_CHECKING:
    from collections.abc import Generator

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

_LONGEST_BACKOFF = 60.0
_HOUR = 3600


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
        asked = requested_wait(failure)
        backoff = min(2.0**tries, _LONGEST_BACKOFF)
        failure = yield backoff if asked is None else asked


def requested_wait(failure: Exception, now: float | None = None) -> float | None:
    """Read from a failure how long the server wants to be left alone.

    Args:
        failure: What the last try raised.
        now: Unix time, for tests.

    Returns:
        Seconds of ``Retry-After`` (a number or an HTTP date); without that
        header the rest of the clock hour if the hourly quota is used up, as
        the API's windows are fixed; None if the server asks for nothing.
    """
    response = getattr(failure, "response", None)
    if not isinstance(response, requests.Response):
        return None
    now = time.time() if now is None else now
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
