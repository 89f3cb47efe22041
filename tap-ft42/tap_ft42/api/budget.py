"""The requests and minutes that a run may use, and how it ends when they are used up."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from threading import Lock

_SPARE, _FACTOR = 1000, 4
"""A run may get 4 times as many answers as it planned, and 1,000 more."""


class RunEnds(Exception):  # noqa: N818 - not an error: the run ends well
    """The run ends here; the next one continues from its state.

    Any code that sends a request may raise it.
    """


class Budget:
    """The requests and minutes of a run."""

    def __init__(self, *, max_requests: int | None, max_minutes: float | None) -> None:
        """Start the clock.

        Args:
            max_requests: Requests that the run may send; None for any number.
            max_minutes: How many minutes it may take; None for any time.
        """
        self._max_requests = max_requests
        self._max_minutes = max_minutes
        self._started = time.monotonic()
        self._stopped_by: str | None = None
        self._lock = Lock()
        self._planned = 0
        self._answers = 0
        self.spent = 0
        """Requests that were sent."""

    @property
    def is_bounded(self) -> bool:
        """Whether the run may end before everything is read."""
        return self._max_requests is not None or self._max_minutes is not None

    @property
    def counts_requests(self) -> bool:
        """Whether requests are limited, so one stream may leave too few for another."""
        return self._max_requests is not None

    @property
    def is_endless(self) -> bool:
        """Whether the API has answered far more requests than the run had planned."""
        return self._answers > _SPARE + _FACTOR * self._planned

    def reaches_for(self, requests: int) -> bool:
        """Tell whether so many requests may still be sent."""
        return self._max_requests is None or self.spent + requests <= self._max_requests

    def plan(self, answers: int) -> None:
        """Add to the number of answers that the run expects, judged by totals."""
        with self._lock:
            self._planned += answers

    def note_answer(self) -> None:
        """Count an answer."""
        with self._lock:
            self._answers += 1

    def spend(self) -> None:
        """Count a request that is about to be sent; raise `RunEnds` if it may not be sent."""
        self.check()
        with self._lock:
            if self.is_endless:
                message = (
                    f"it has had {self._answers:,} answers, but planned only "
                    f"{self._planned:,}: the API shows more and more rows"
                )
                raise RunEnds(message)
            if self._max_requests is not None and self.spent >= self._max_requests:
                message = f"the run has sent its {self._max_requests} requests (max_requests)"
                raise RunEnds(message)
            self.spent += 1

    def check(self, wait: float = 0, *, because: str = "the quota is used up") -> None:
        """Raise `RunEnds` if the run may not go on.

        Args:
            wait: Seconds that the run would have to wait first.
            because: The reason for the wait.
        """
        if self._stopped_by is not None:
            raise RunEnds(self._stopped_by)
        if self._max_minutes is None:
            return
        elapsed = time.monotonic() - self._started
        if elapsed + wait < self._max_minutes * 60:
            return
        if elapsed < self._max_minutes * 60:
            go_on = datetime.now(UTC) + timedelta(seconds=wait)
            message = (
                f"{because} until {go_on:%H:%M:%S} UTC, which is beyond "
                f"the run's {self._max_minutes:g} minutes (max_minutes)"
            )
        else:
            message = f"the run has taken its {self._max_minutes:g} minutes (max_minutes)"
        raise RunEnds(message)

    def stop(self, reason: str) -> RunEnds:
        """Let the run end now; return the exception that every further request raises."""
        self._stopped_by = reason
        return RunEnds(reason)
