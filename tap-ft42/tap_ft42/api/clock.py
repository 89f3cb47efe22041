"""The time at 42.

A run remembers instants: up to when it has read, when it took a census, how many requests it
sent in this hour. If this machine's clock is wrong by days, these instants are wrong, too, and
changes stay hidden for days. So a run uses 42's clock: the header ``Date`` of the first
answer, usually the one with the token. From then on it counts seconds by the monotonic clock,
which nobody can set.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from threading import Lock

import requests

from tap_ft42.api.headers import http_date
from tap_ft42.declared.events import EVENTS

TOLERANCE = 60.0
"""Seconds by which the two clocks may differ: the settle time and the overlap of windows make
up for that."""


class ClockError(Exception):
    """The clock turned out to be wrong after the run had used it."""


class Clock:
    """This machine's clock, corrected by 42's."""

    def __init__(self) -> None:
        self._epoch = time.time() - time.monotonic()
        self._correction = 0.0
        self._lock = Lock()
        self._is_relied_on = False
        self.is_known = False
        """Whether 42 has said what time it is."""
        self.difference: float | None = None
        """Seconds by which this machine's clock is ahead of 42's; None if nobody knows."""

    def learn(self, response: requests.Response) -> None:
        """Compare the clock with an answer that has just come.

        Raises:
            ClockError: The clock is wrong, and the run has used it already.
        """
        answered = http_date(response.headers, "Date")
        with self._lock:
            # Only the first answer counts: a later one may come from a cache.
            if answered is None or self.is_known:
                return
            self.is_known = True
            self.difference = error = self.time() - answered
            if abs(error) <= TOLERANCE:
                return
            self._epoch -= error
            self._correction = -error
        EVENTS.warning(
            "This machine's clock is %s %s 42's clock. The run uses 42's. Set this machine's.",
            timedelta(minutes=round(abs(error) / 60)),
            "ahead of" if error > 0 else "behind",
            happened="clock_differs",
            seconds=round(error),
        )
        if self._is_relied_on:
            message = (
                "This machine's clock is wrong, and the run began with its time. Set the "
                "clock, or start the run again."
            )
            raise ClockError(message)

    def corrected(self, milliseconds: int) -> int:
        """Convert an instant of this machine's clock to 42's clock, in milliseconds."""
        self._is_relied_on = not self.is_known
        return milliseconds + round(1000 * self._correction)

    def time(self) -> float:
        """Return the Unix time."""
        return self._epoch + time.monotonic()

    def now(self) -> datetime:
        """Return the time in UTC."""
        return datetime.fromtimestamp(self.time(), UTC)
