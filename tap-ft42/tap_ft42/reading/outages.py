"""Waits while the API is down."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta

from tap_ft42.api.budget import Budget
from tap_ft42.api.errors import explain
from tap_ft42.declared.events import EVENTS

PATIENCE = 900.0
"""Seconds that a run waits: longer than a maintenance of ten minutes."""

_FIRST_WAIT, _LONGEST_WAIT = 5.0, 30.0


class Outages:
    """Holds back all requests while the API is down."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._is_over = asyncio.Event()
        self._is_over.set()
        self.is_given_up = False
        """Whether a wait ended without an answer, and the API has not answered since."""
        self.ended_at = 0.0
        """When the last outage ended, by the clock of `time.monotonic`."""

    async def wait(self) -> None:
        """Wait until the outage is over, if there is one."""
        await self._is_over.wait()

    async def outlast(
        self, failure: BaseException, is_answered: Callable[[], Awaitable[bool]]
    ) -> None:
        """Wait until the API answers again, or the patience ends."""
        began, wait = time.monotonic(), _FIRST_WAIT
        self._is_over.clear()
        EVENTS.warning(
            "42 is down, for maintenance perhaps. The run waits for %d minutes at most. %s",
            PATIENCE // 60,
            explain(failure),
            happened="outage_begins",
        )
        try:
            while time.monotonic() - began < PATIENCE:
                self._budget.check(wait, because="42 is down, and is not asked again")
                await asyncio.sleep(wait)
                if await is_answered():
                    self.ended_at = time.monotonic()
                    self._tell(timedelta(seconds=round(self.ended_at - began)))
                    return
                wait = min(2 * wait, _LONGEST_WAIT)
            self.is_given_up = True
        finally:
            self._is_over.set()

    def _tell(self, lasted: timedelta) -> None:
        EVENTS.warning(
            "42 answers again after %s. The run goes on.",
            lasted,
            happened="outage_ends",
            seconds=lasted.seconds,
        )
