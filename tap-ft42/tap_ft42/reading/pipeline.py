"""Reads that run ahead of their consumer, as far as the quota and memory allow.

The consumer, which is the SDK, takes one read after the other. The API answers
slowly and allows two requests a second, so it must never wait for the consumer:
all reads that are known run at once in an event loop of a thread of its own, and
requests are sent in the order in which the consumer will want the answers. A
bounded number of answers waits for the consumer; beyond that, only the very
answer that it waits for is fetched.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
import time
from collections import deque
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from http.client import INTERNAL_SERVER_ERROR
from math import ceil
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeAlias

import requests
from typing_extensions import override

from tap_ft42.api.errors import APIError, may_be_too_heavy
from tap_ft42.api.retries import MAX_TRIES, RETRIED, TooManyRequestsError
from tap_ft42.reading.asking import Ask, TooLargeError
from tap_ft42.reading.outages import Outages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from backoff.types import Details

    from tap_ft42.api.budget import Budget
    from tap_ft42.api.ledger import Entry
    from tap_ft42.api.page import Page
    from tap_ft42.api.quota import Quota
    from tap_ft42.reading.asking import Part, Source
    from tap_ft42.reading.regions import Region

Place: TypeAlias = tuple[int, ...]
"""Position in the order of consumption: ``(2,)`` < ``(2, 5)`` < ``(3,)``."""

NOW: Place = (-1,)
"""Position of what the consumer wants before it goes on."""

AHEAD = 40
"""Answers that are on their way or wait for the consumer."""

_TWICE = 2
_LOOKED_INTO = {_TWICE, MAX_TRIES - 1}
"""Failures of one request after which it is asked why: they may have a reason of their own."""

_APART = 10_000
"""Where the reads stand that take the place of one, behind all that it may have asked for."""

_LONG_WAIT = 20.0
"""Seconds that need an explanation."""

_logger = logging.getLogger("tap-ft42")

IN_FLIGHT = 24
"""Requests at once: answers may take 12 s, and two a second are still kept up."""


@dataclass(order=True)
class _Job:
    place: Place
    recall: Callable[[], Page | None] = field(compare=False)
    fetch: Callable[[], Page] = field(compare=False)
    entry: Entry = field(compare=False)
    answer: asyncio.Future[Page] = field(compare=False)


class Reading:
    """A read that the pipeline runs."""

    def __init__(self, place: Place, entry: Entry, budget: Budget) -> None:
        """Take a place in the order of consumption."""
        self.place = place
        self.entry = entry
        self._budget = budget
        self.found: SimpleQueue[Part | BaseException | None] = SimpleQueue()
        self.task: asyncio.Task[None] | None = None
        self.is_over = False
        self._pages = 0
        self._pages_expected = 0

    def note(self, page: Page) -> None:
        """Account for a page that came; the first one tells how many there are."""
        if not self._pages and page.total is not None and page.size > 1:
            self.expect(max(1, ceil(page.total / page.size)))
        if not self._pages:
            self._budget.plan(max(1, self._pages_expected))
        elif page.total is None and page.count:
            self._budget.plan(1)  # nobody says how many there will be
        self._budget.note_answer()
        self._pages += 1
        self.entry.pages += 1
        self.expect(max(self._pages, self._pages_expected))

    def end(self) -> None:
        """Give up what has not come."""
        self.is_over = True
        self.expect(self._pages)

    def expect(self, pages: int) -> None:
        """Let it have so many pages, as far as that is known."""
        self.entry.pages_expected += pages - self._pages_expected
        self._pages_expected = pages


class Pipeline:
    """Runs reads in a thread and hands out what they find."""

    def __init__(
        self,
        *,
        quota: Quota,
        budget: Budget,
        in_flight: int = IN_FLIGHT,
        known_good: Callable[[], Callable[[], Page] | None] = lambda: None,
        has_worked: bool = False,
    ) -> None:
        """Prepare; nothing runs before the first read is known.

        Args:
            quota: Says when a request may be sent.
            budget: Says when the run has to end.
            in_flight: Requests at once.
            known_good: Returns what sends a request that was answered, if one was.
            has_worked: Whether an earlier run had answers, so that who gives none is down.
        """
        self._quota = quota
        self._budget = budget
        self._most_in_flight = in_flight
        self._loop = asyncio.new_event_loop()
        # What a read leaves behind when it fails: its own error is told already.
        self._loop.set_exception_handler(lambda *_: None)
        self._thread: Thread | None = None
        self._changed = asyncio.Event()
        self._urgent: deque[_Job] = deque()
        self._waiting: list[_Job] = []
        self._places: dict[Page, Place] = {}
        self._occupied: set[Place] = set()
        self._jobs: SimpleQueue[_Job] = SimpleQueue()
        self._in_flight = 0
        self._workers = 0
        self._readings: set[Reading] = set()
        self._known_good = known_good
        self._has_worked = has_worked
        self._outages = Outages(budget)
        self._looking = asyncio.Lock()
        self._suspected: dict[Place, Callable[[], TooLargeError]] = {}
        self._starving: Reading | None = None

    # For the consumer

    def read(  # noqa: PLR0913 - what is read, and how
        self,
        place: Place,
        source: Source,
        read: Callable[[Ask], AsyncIterator[Part]],
        *,
        retried: Callable[..., Any],
        is_urgent: bool = False,
        is_divided: bool = True,
    ) -> Reading:
        """Let a read run.

        Args:
            place: Where the consumer will want it.
            source: Where its pages come from.
            read: One of the functions of `tap_ft42.reading.reads`.
            retried: Decorates the coroutine that asks for a page once, with what is called
                after a failure.
            is_urgent: Whether the first page is fetched before anything else, since
                it tells how much there is to do.
            is_divided: Whether what is too large as one list is read in several.

        Returns:
            What `parts` takes.
        """
        reading = Reading(place, source.entry, self._budget)
        self._readings.add(reading)
        if self._thread is None:
            self._thread = Thread(target=self._run, name="pipeline", daemon=True)
            self._thread.start()
        answer = retried(self._answer, self._look_into)
        ask = PlacedAsk(answer, source, reading, place, is_urgent=is_urgent)
        parts = fitted(ask, read, is_divided=is_divided)
        self._loop.call_soon_threadsafe(self._begin, reading, parts)
        return reading

    def parts(self, reading: Reading) -> Iterator[tuple[Part, Place]]:
        """Yield what a read finds as soon as it is there.

        Args:
            reading: The read; it is over when this iterator is.

        Yields:
            Its parts in order, with places for what the consumer reads before the
            next one.

        Raises:
            RunEnds: The run has to end.
            Exception: What the read raised.
        """
        for passed in self._before(reading.place):
            self._forget(passed)
        try:
            while (found := self._next(reading)) is not None:
                if isinstance(found, BaseException):
                    raise found
                place = reading.place
                if found.page is not None:
                    place = self._places[found.page]
                    self._loop.call_soon_threadsafe(self._release, found.page)
                yield found, place
        finally:
            self._forget(reading)

    def _next(self, reading: Reading) -> Part | BaseException | None:
        if reading.found.empty():
            self._starving = reading
            self._loop.call_soon_threadsafe(self._changed.set)
        found = reading.found.get()
        self._starving = None
        return found

    def _before(self, place: Place) -> list[Reading]:
        """Return the reads that the consumer has passed over, as nobody wants them."""
        return [
            reading
            for reading in self._readings
            if reading.place < place and reading.place != place[: len(reading.place)]
        ]

    def _forget(self, reading: Reading) -> None:
        self._readings.discard(reading)
        self._loop.call_soon_threadsafe(self._end, reading)

    def stop(self, error: BaseException) -> None:
        """Let the consumer end at once, whatever it is waiting for.

        Args:
            error: What `parts` raises.
        """
        for reading in tuple(self._readings):
            reading.found.put(error)

    # In the thread

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._dispatcher = self._loop.create_task(self._dispatch())
        self._loop.run_forever()

    def _begin(self, reading: Reading, parts: AsyncIterator[Part]) -> None:
        if not reading.is_over:
            reading.expect(1)
            reading.task = self._loop.create_task(_pour(parts, reading))

    def _release(self, page: Page) -> None:
        self._occupied.discard(self._places.pop(page, ()))
        self._changed.set()

    def _end(self, reading: Reading) -> None:
        reading.end()
        if reading.task is not None:
            reading.task.cancel()
        depth = len(reading.place)
        for page, place in tuple(self._places.items()):
            if place[:depth] == reading.place:
                self._release(page)

    async def _answer(
        self,
        place: Place,
        source: Source,
        request: tuple[Region, int, str | None],
        *,
        is_urgent: bool,
    ) -> Page:
        """Send a request when its turn has come.

        Args:
            place: Where the consumer will want the page.
            source: What asks for it, or recalls it.
            request: Which page.
            is_urgent: Whether it comes before anything else.

        Returns:
            The page.

        Raises:
            RunEnds: The run has to end.
            Exception: What ``source`` raises.
        """
        recall, fetch = partial(source.recall, *request), partial(source.fetch, *request)
        job = _Job(place, recall, fetch, source.entry, self._loop.create_future())
        if is_urgent:
            self._urgent.append(job)
        else:
            heapq.heappush(self._waiting, job)
        self._changed.set()
        try:
            page = await job.answer
        except BaseException:
            self._occupied.discard(place)
            self._changed.set()
            raise
        self._places[page] = place
        if not page.count:
            self._occupied.discard(place)
        return page

    async def _dispatch(self) -> None:
        while True:
            job = await self._next_job()
            if job.answer.done():
                continue
            self._occupied.add(job.place)
            try:
                if (page := job.recall()) is not None:
                    job.answer.set_result(page)
                    continue
                await self._outages.wait()
                await self._permission(job.entry)
            except Exception as error:  # noqa: BLE001 - the read raises it
                if not job.answer.done():
                    job.answer.set_exception(error)
                continue
            self._send(job)

    def _send(self, job: _Job) -> None:
        self._in_flight += 1
        self._jobs.put(job)
        if self._workers < self._in_flight:
            self._workers += 1
            Thread(target=self._work, name="request", daemon=True).start()

    async def _look_into(self, details: Details) -> None:
        """Find out why a request failed twice, before it is sent once more.

        Raises:
            TooLargeError: A smaller one is answered.
            RunEnds: The API is down, and the run has to end.
        """
        place, source, (region, _, sort) = details["args"]
        failure, noticed = details["exception"], time.monotonic()
        if isinstance(failure, TooManyRequestsError) or details["tries"] < _TWICE:
            return
        if (suspected := self._suspected.pop(place, None)) is not None:
            raise suspected()
        async with self._looking:
            if self._outages.ended_at > noticed or details["tries"] not in _LOOKED_INTO:
                return
            remedies = source.remedies(is_heavy=may_be_too_heavy(failure))
            for probe, too_large in remedies:
                if await self._is_answered(partial(probe.fetch, region, 1, sort), source.entry):
                    if isinstance(failure, requests.Timeout):
                        raise too_large()
                    self._suspected[place] = too_large
                    return
            await self._outlast(failure, source.entry, partial(source.fetch, region, 1, sort))

    async def _outlast(
        self, failure: BaseException, entry: Entry, fetch: Callable[[], Page]
    ) -> None:
        """Wait until the API answers again, if it is not just this request that fails."""
        is_known = self._known_good() is not None

        async def ask() -> bool:
            return await self._is_answered(self._known_good() or fetch, entry)

        if not self._outages.may_be_outlasted or not (is_known or self._may_be_down(failure)):
            return
        if not (is_known and await ask()):
            await self._outages.outlast(failure, ask)

    def _may_be_down(self, failure: BaseException) -> bool:
        """Tell whether an API that has answered nothing yet is down, and not just wrong."""
        response = getattr(failure, "response", None)
        has_error = response is not None and response.status_code == INTERNAL_SERVER_ERROR
        return self._has_worked and not has_error

    async def _is_answered(self, fetch: Callable[[], Page], entry: Entry) -> bool:
        """Send a request that nobody waits for but to know whether it is answered."""
        await self._permission(entry)
        job = _Job(NOW, _nothing, fetch, entry, self._loop.create_future())
        self._send(job)
        try:
            await job.answer
        except RETRIED:
            return False
        except APIError:
            return True
        return True

    async def _next_job(self) -> _Job:
        while True:
            while self._waiting and self._waiting[0].answer.done():
                heapq.heappop(self._waiting)
            if self._in_flight < self._most_in_flight:
                if self._urgent:
                    return self._urgent.popleft()
                if self._waiting and self._has_room_for(self._waiting[0].place):
                    return heapq.heappop(self._waiting)
            self._changed.clear()
            await self._changed.wait()

    def _has_room_for(self, place: Place) -> bool:
        """Tell whether an answer may be waited for: always if the consumer needs it now."""
        wanted = self._starving
        return len(self._occupied) < AHEAD or (
            wanted is not None and place[: len(wanted.place)] == wanted.place
        )

    async def _permission(self, entry: Entry) -> None:
        self._budget.spend()
        while wait := self._quota.take():
            self._budget.check(wait)
            if wait > _LONG_WAIT:
                go_on = datetime.now(UTC) + timedelta(seconds=wait)
                _logger.warning(
                    "The quota is used up; the run goes on at %s UTC. "
                    "With max_minutes it would end instead.",
                    f"{go_on:%H:%M:%S}",
                    extra={
                        "happened": "quota_wait",
                        "wait_seconds": round(wait, 3),
                        "goes_on_at": go_on.isoformat(),
                    },
                )
            entry.quota_seconds += wait
            await asyncio.sleep(wait)
            self._budget.check()

    def _work(self) -> None:
        """Work in a thread that waits for answers."""
        while True:
            job = self._jobs.get()
            try:
                page = job.fetch()
            except Exception as error:  # noqa: BLE001 - the read raises it
                self._loop.call_soon_threadsafe(self._answered, job, None, error)
            else:
                self._loop.call_soon_threadsafe(self._answered, job, page, None)

    def _answered(self, job: _Job, page: Page | None, error: Exception | None) -> None:
        self._in_flight -= 1
        self._changed.set()
        if job.answer.done():
            self._occupied.discard(job.place)
        elif page is not None:
            self._outages.note_answer()
            job.answer.set_result(page)
        elif error is not None:
            job.answer.set_exception(error)


class PlacedAsk(Ask):
    """Asks for pages at a place in the order of consumption."""

    def __init__(
        self,
        answer: Callable[..., Awaitable[Page]],
        source: Source,
        reading: Reading,
        place: Place,
        *,
        is_urgent: bool = False,
    ) -> None:
        self._answer = answer
        self.source = source
        """Which rows it asks for."""
        self._reading = reading
        self._place = place
        self._is_urgent = is_urgent

    @override
    async def __call__(self, region: Region, number: int, sort: str | None) -> Page:
        page = await self._answer(
            (*self._place, number, 0),
            self.source,
            (region, number, sort),
            is_urgent=self._is_urgent and number == 1,
        )
        self._reading.note(page)
        return page

    @override
    def after(self, number: int) -> Ask:
        return self.of(self.source, number)

    def of(self, source: Source, number: int) -> PlacedAsk:
        """Return one that asks for other rows; number as of `after`."""
        return PlacedAsk(self._answer, source, self._reading, (*self._place, number, 1))


async def fitted(
    ask: PlacedAsk, read: Callable[[Ask], AsyncIterator[Part]], *, is_divided: bool
) -> AsyncIterator[Part]:
    """Read with requests that are as large as the API answers, and no larger.

    Args:
        ask: Asks for pages.
        read: What reads with it.
        is_divided: Whether a list of too many ids is read in shorter ones.

    Yields:
        What it reads, perhaps twice; if it was divided, without what is reached.

    Raises:
        TooLargeError: It would have to be divided.
    """
    instead, learn = ask.source.fitted(), _nothing
    if len(instead) == 1:
        (source,) = instead
        try:
            async for part in read(ask if source is ask.source else ask.of(source, 0)):
                yield part
        except TooLargeError as too_large:
            if len(too_large.instead) > 1 and not is_divided:
                raise
            instead, learn = too_large.instead, too_large.learn or _nothing
        else:
            return
    elif not is_divided:
        message = "more ids than 42 takes in one list"
        raise TooLargeError(message, instead)
    for number, source in enumerate(instead):
        parts = fitted(ask.of(source, _APART + number), read, is_divided=is_divided)
        async for part in parts:
            yield part if len(instead) == 1 else replace(part, reached=None)
    learn()


def _nothing() -> None:
    """Return nothing."""


async def _pour(parts: AsyncIterator[Part], reading: Reading) -> None:
    try:
        async for part in parts:
            reading.found.put(part)
    except Exception as error:  # noqa: BLE001 - the consumer raises it
        reading.found.put(error)
    else:
        reading.found.put(None)
