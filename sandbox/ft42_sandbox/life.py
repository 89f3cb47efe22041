"""Life in the sandbox: what changes while time passes, and how often.

The rates were counted over 40,341 students: between two reads that were four hours apart, and
between two days. Rates that nobody has counted are guesses in proportion to these.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ft42_sandbox.cast import NobodyLeftError, student_count
from ft42_sandbox.events import Events
from ft42_sandbox.instants import DAY, HOUR, SECOND

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ft42_sandbox.clock import Clock
    from ft42_sandbox.ledger import Change, Ledger
    from ft42_sandbox.store import Store

STUDENTS_COUNTED = 40_341
PASSES_A_DAY = 6
# 12 changes in a quiet quarter of an hour against 70 in an average one.
QUIET = 12 / (6_746 / 96)
BUSIEST_HOUR = 14
MAX_EVENTS = 200_000


@dataclass(frozen=True)
class EventRate:
    """Something that happens again and again.

    Attributes:
        name: the event's name in the ledger.
        daily: how often it happens to a student in a day.
        happen: makes it happen once, at an instant.
    """

    name: str
    daily: float
    happen: Callable[[Events, int], None]


EVENT_RATES: tuple[EventRate, ...] = (
    EventRate("visit", (6_746 - 462 * PASSES_A_DAY) / STUDENTS_COUNTED, Events.visit),
    EventRate("touch", 462 * PASSES_A_DAY / STUDENTS_COUNTED, Events.touch),
    EventRate("erasure date", 519 * PASSES_A_DAY / STUDENTS_COUNTED, Events.move_erasure_date),
    EventRate("activity", 39 * PASSES_A_DAY / STUDENTS_COUNTED, Events.flip_active),
    EventRate("disappear", 6 * PASSES_A_DAY / STUDENTS_COUNTED, Events.disappear),
    EventRate("anonymise", 0.0003, Events.anonymise),
    EventRate("join", 0.001, Events.join),
    EventRate("move", 0.0002, Events.move_campus),
    EventRate("graduate", 0.0004, Events.graduate),
    EventRate("enrol", 0.05, Events.enrol),
    EventRate("submit", 0.05, Events.submit),
    EventRate("mark", 0.05, Events.mark),
    EventRate("retry", 0.01, Events.retry),
    EventRate("give up", 0.002, Events.give_up),
    EventRate("unregister", 0.003, Events.unregister),
    EventRate("badge", 0.03, Events.earn_badge),
    EventRate("badge again", 0.005, Events.earn_badge_again),
    EventRate("points", 0.03, Events.earn_points),
    EventRate("master", 0.0002, Events.change_master),
)
# A requested run of `live` always has these events, even if it is very short or small.
CERTAIN = ("visit", "mark")


class Life:
    """Lets students submit and be marked, earn, join, move, graduate and disappear."""

    def __init__(
        self, store: Store, ledger: Ledger, clock: Clock, seed: int, not_before: int
    ) -> None:
        """Change this store, and note the changes in the ledger.

        Args:
            store: the store.
            ledger: notes the changes.
            clock: tells when they happen.
            seed: the seed of all random choices.
            not_before: the instant of the data; no change is earlier.
        """
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._rng = np.random.default_rng([seed, 99])
        self._reached = clock.now()
        self._lived_until = not_before

    def live(
        self,
        seconds: float,
        seed: int | None = None,
        within: float | None = None,
        events: Mapping[str, int] | None = None,
    ) -> list[Change]:
        """Let life go on for some seconds that end now.

        No change is older than the changes of an earlier call. So `updated_at` never goes
        backwards, unless the clock does.

        Args:
            seconds: how many seconds, at the average rate of a day.
            seed: a seed for the same changes each time; None to continue the random choices.
            within: all changes happen in this many last seconds; in all seconds by default.
            events: the numbers of events that happen, instead of those that the rates give.

        Returns:
            The changes, as noted in the ledger.

        Raises:
            ValueError: for an event that does not exist, or a number below 0.
        """
        rng = self._rng if seed is None else np.random.default_rng(seed)
        end = self._clock.now()
        span = min(seconds if within is None else within, seconds)
        start = max(end - int(span * SECOND), self._lived_until)
        if events is None:
            days = seconds * SECOND / DAY
            return self._run(rng, start, end, self._drawn(rng, days, CERTAIN))
        check_events(events)
        return self._run(rng, start, end, [events.get(rate.name, 0) for rate in EVENT_RATES])

    def catch_up(self, rate: float) -> None:
        """Let life go on for the time that has passed on the clock since the last call.

        Args:
            rate: how many times faster than in real life.
        """
        start, end = max(self._reached, self._lived_until), self._clock.now()
        self._reached = end
        if end > start and rate > 0:
            days = (end - start) / DAY * rate * busyness(end)
            self._run(self._rng, start, end, self._drawn(self._rng, days, ()))

    def rest(self) -> None:
        """Let the time until now pass without anything happening."""
        self._reached = self._clock.now()

    def _drawn(
        self, rng: np.random.Generator, days: float, certain: tuple[str, ...]
    ) -> list[int]:
        """How often each event happens to all students together in so many days."""
        expected = days * student_count(self._store)
        return [
            max(int(rng.poisson(rate.daily * expected)), int(rate.name in certain))
            for rate in EVENT_RATES
        ]

    def _run(
        self, rng: np.random.Generator, start: int, end: int, counts: list[int]
    ) -> list[Change]:
        before = self._ledger.seq
        which = rng.permutation(np.repeat(np.arange(len(EVENT_RATES)), counts))[:MAX_EVENTS]
        if len(which):
            events = Events(self._store, self._ledger, rng)
            start = min(start, end)
            moments = np.sort(rng.integers(start, end, size=len(which), endpoint=True))
            for number, moment in zip(which.tolist(), moments.tolist(), strict=True):
                with suppress(NobodyLeftError):  # then it happens to nobody
                    EVENT_RATES[number].happen(events, moment)
            events.settle(end)
        self._lived_until = max(end, start)
        return self._ledger.since(before)


def check_events(events: Mapping[str, int]) -> None:
    """Check that events exist, and that their numbers are possible.

    Raises:
        ValueError: for an event that does not exist, or a number below 0.
    """
    names = [rate.name for rate in EVENT_RATES]
    if set(events) - set(names) or min(events.values(), default=0) < 0:
        msg = f"events are numbers from 0 up by name; names are: {', '.join(names)}"
        raise ValueError(msg)


def busyness(instant: int) -> float:
    """How busy an hour is: 1 on average over a day, a sixth of that at night."""
    hour = (instant % DAY) / HOUR
    wave = (1 + np.cos((hour - BUSIEST_HOUR) / 24 * 2 * np.pi)) / 2
    return float(QUIET + (1 - QUIET) * 2 * wave)
