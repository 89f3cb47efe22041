"""Runs reads ahead of their consumer, as far as the quota and memory allow.

The consumer, which is the SDK, takes one read after the other. The API answers slowly, and
allows two requests a second, so requests must never wait for the consumer. All known reads run
at once, in an event loop in its own thread. Requests are sent in the order in which the
consumer will need the answers. Only a limited number of answers waits for the consumer; beyond
that, only the answer that it needs now is fetched.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from queue import Empty
from threading import Thread

from tap_ft42.api.budget import Budget
from tap_ft42.api.client import Client
from tap_ft42.api.ledger import Entry
from tap_ft42.api.page import Page
from tap_ft42.api.quota import Quota
from tap_ft42.api.retries import MAX_TRIES, RETRIED, retried
from tap_ft42.declared.events import EVENTS
from tap_ft42.reading.around import AroundRows
from tap_ft42.reading.asking import Ask, Part
from tap_ft42.reading.outages import Outages
from tap_ft42.reading.places import NOW, Place, PlacedAsk, fitted
from tap_ft42.reading.regions import Region
from tap_ft42.reading.running import Reading, pour
from tap_ft42.reading.source import Source
from tap_ft42.reading.troubles import Troubles

AHEAD = 40
"""Answers that are on their way or wait for the consumer, at most."""

_LONG_WAIT = 20.0
"""Seconds: the log explains a longer wait."""

_LONGEST_WAIT = 1.0
"""Seconds after which the consumer checks whether a signal has come."""

IN_FLIGHT = 24
"""Requests at once: enough for two a second if each answer takes 12 s."""


@dataclass(order=True)
class _Job:
    """A request that waits for its turn. Urgent ones come first, then those of low places."""

    is_later: bool
    place: Place
    recall: Callable[[], Page | None] = field(compare=False)
    fetch: Callable[[], Page] = field(compare=False)
    entry: Entry = field(compare=False)
    answer: asyncio.Future[Page] = field(compare=False)


class Pipeline:
    """Runs reads in a thread, and yields their parts to the consumer."""

    def __init__(
        self, *, quota: Quota, budget: Budget, client: Client, has_worked: bool
    ) -> None:
        """Prepare; the thread starts with the first read.

        Args:
            quota: Says when a request may be sent.
            budget: Says when the run has to end.
            client: Knows a request that was answered.
            has_worked: Whether the API has answered an earlier run; then it is down if it
                does not answer.
        """
        self._quota = quota
        self._budget = budget
        self._thread: Thread | None = None
        self._changed = asyncio.Event()
        self._waiting: list[_Job] = []
        self._places: dict[Page, Place] = {}
        self._occupied: set[Place] = set()
        self._in_flight = 0
        self._readings: set[Reading] = set()
        self._outages = Outages(budget)
        self._retried = partial(retried, budget=budget)
        self.around = AroundRows(self._ask_apart, self._retried)
        """Reads around rows that 42 cannot show."""
        self._troubles = Troubles(
            self._outages,
            ask=self._ask_apart,
            known_good=client.known_good,
            has_worked=has_worked,
            expects=self.around.expects,
        )
        self._starving: Reading | None = None

    # For the consumer

    @property
    def is_given_up(self) -> bool:
        """Whether the API is down, and the run has given up waiting."""
        return self._outages.is_given_up

    def read(
        self,
        place: Place,
        source: Source,
        read: Callable[[Ask], AsyncIterator[Part]],
        *,
        is_urgent: bool = False,
        max_tries: int = MAX_TRIES,
    ) -> Reading:
        """Start a read.

        Args:
            place: Its place in the order of consumption.
            source: The source of its pages.
            read: One of the functions of `tap_ft42.reading.reads`.
            is_urgent: Whether to fetch the first page before anything else, as it tells how
                much there is to read.
            max_tries: How often each request is tried.

        Returns:
            A reading for `parts`.
        """
        entry = source.route.entry
        reading = Reading(place, entry, self._budget)
        self._readings.add(reading)
        if self._thread is None:
            self._thread = Thread(target=self._run, name="pipeline", daemon=True)
            self._thread.start()
        look_into = self._troubles.look_into
        answer = self._retried(entry.stream, self._answer, look_into, max_tries=max_tries)
        if max_tries >= MAX_TRIES:
            answer = partial(self._answer_around, answer)
        ask = PlacedAsk(answer, source, reading.note, place, is_urgent=is_urgent)
        parts = fitted(ask, read)
        self._loop.call_soon_threadsafe(self._begin, reading, parts)
        return reading

    def parts(self, reading: Reading) -> Iterator[tuple[Part, Place]]:
        """Yield the parts of a read as soon as they are there.

        Yields:
            The parts in order. Each has a place for reads that the consumer needs before the
            next part.

        Raises:
            RunEnds: The run has to end.
            Exception: The exception that the read raised.
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
        while True:
            # Python may handle a signal only when a wait is over, so waits are short.
            with suppress(Empty):
                found = reading.found.get(timeout=_LONGEST_WAIT)
                self._starving = None
                return found

    def _before(self, place: Place) -> list[Reading]:
        """Return the reads that the consumer has passed over, and does not need."""
        return [one for one in self._readings if one.place < place and not one.holds(place)]

    def _forget(self, reading: Reading) -> None:
        self._readings.discard(reading)
        self._loop.call_soon_threadsafe(self._end, reading)

    def permit(self, entry: Entry) -> None:
        """Wait, in the thread of a request, until one more may be sent; raises `RunEnds`."""
        asyncio.run_coroutine_threadsafe(self._permission(entry), self._loop).result()

    def stop(self, error: BaseException) -> None:
        """Raise an error in the consumer at once, whatever it is waiting for."""
        for reading in tuple(self._readings):
            reading.found.put(error)

    # In the thread

    @cached_property
    def _loop(self) -> asyncio.AbstractEventLoop:
        # Of one that never ran, Python would warn at the end of a run without a request.
        loop = asyncio.new_event_loop()
        # When a read fails, its remaining tasks fail, too; the read's own error is enough.
        loop.set_exception_handler(lambda *_: None)
        return loop

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._dispatch())

    def _begin(self, reading: Reading, parts: AsyncIterator[Part]) -> None:
        if not reading.is_over:
            reading.expect(1)
            reading.task = self._loop.create_task(pour(parts, reading))

    def _release(self, page: Page) -> None:
        self._occupied.discard(self._places.pop(page, ()))
        self._changed.set()

    def _end(self, reading: Reading) -> None:
        reading.end()
        if reading.task is not None:
            reading.task.cancel()
        for page, place in tuple(self._places.items()):
            if reading.holds(place):
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

        Raises:
            RunEnds: The run has to end.
            Exception: The exception of ``source``.
        """
        recall, fetch = partial(source.recall, *request), partial(source.fetch, *request)
        answer = self._loop.create_future()
        job = _Job(not is_urgent, place, recall, fetch, source.route.entry, answer)
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
                # The run may end with this error. First wait for requests in flight.
                while self._in_flight:
                    self._changed.clear()
                    await self._changed.wait()
                if not job.answer.done():
                    job.answer.set_exception(error)
                continue
            self._send(job)

    def _send(self, job: _Job) -> None:
        self._in_flight += 1
        # A pool's threads are no daemons: the end of the run would wait for them.
        Thread(target=self._work, args=(job,), name="request", daemon=True).start()

    async def _answer_around(
        self,
        answer: Callable[..., Awaitable[Page]],
        place: Place,
        source: Source,
        request: tuple[Region, int, str | None],
        **options: bool,
    ) -> Page:
        """Return an answer; if it never comes, one without the rows that 42 cannot show."""
        try:
            return await answer(place, source, request, **options)
        except RETRIED as failure:
            page = await self.around.page(source, request, failure)
        self._places[page] = place
        self._occupied.add(place)
        return page

    async def _ask_apart(self, fetch: Callable[[], Page], entry: Entry) -> Page:
        """Send a request that belongs to no read, and wait for its answer."""
        await self._permission(entry)
        answer = self._loop.create_future()
        job = _Job(False, NOW, lambda: None, fetch, entry, answer)
        self._send(job)
        return await job.answer

    async def _next_job(self) -> _Job:
        while True:
            while self._waiting and self._waiting[0].answer.done():
                heapq.heappop(self._waiting)
            is_free = self._waiting and self._in_flight < IN_FLIGHT
            if is_free and self._has_room_for(self._waiting[0]):
                return heapq.heappop(self._waiting)
            self._changed.clear()
            await self._changed.wait()

    def _has_room_for(self, job: _Job) -> bool:
        """Tell whether a request may be sent: always if its answer is needed now."""
        if len(self._occupied) < AHEAD or not job.is_later:
            return True
        return self._starving is not None and self._starving.holds(job.place)

    async def _permission(self, entry: Entry) -> None:
        self._budget.spend()
        while wait := self._quota.take():
            self._budget.check(wait)
            if wait > _LONG_WAIT:
                go_on = datetime.now(UTC) + timedelta(seconds=wait)
                EVENTS.warning(
                    "The quota is used up; the run goes on at %s UTC. "
                    "With max_minutes it would end instead.",
                    f"{go_on:%H:%M:%S}",
                    happened="quota_wait",
                    wait_seconds=round(wait, 3),
                    goes_on_at=go_on.isoformat(),
                )
            entry.quota_seconds += wait
            await asyncio.sleep(wait)
            self._budget.check()

    def _work(self, job: _Job) -> None:
        """Send a request and wait for its answer, in a thread."""
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
            self._outages.is_given_up = False
            job.answer.set_result(page)
        elif error is not None:
            job.answer.set_exception(error)
