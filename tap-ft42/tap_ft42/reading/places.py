"""Asks for pages at places: an answer's place is its position in the order of consumption."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from typing_extensions import override

from tap_ft42.api.page import Page
from tap_ft42.reading.asking import COUNT, Ask, Part
from tap_ft42.reading.regions import Region
from tap_ft42.reading.route import Route
from tap_ft42.reading.source import Source, TooLargeError

Place: TypeAlias = tuple[int, ...]
"""Position in the order of consumption: ``(2,)`` < ``(2, 5)`` < ``(3,)``."""

NOW: Place = (-1,)
"""The place of answers that the consumer needs before it goes on."""

_APART = 10_000
"""Place of the reads that replace another one: behind all its requests."""


@dataclass(frozen=True)
class PlacedAsk(Ask):
    """Asks for pages at a place in the order of consumption.

    Attributes:
        answer: Sends a request when its turn has come.
        source: The source of the rows.
        note: Takes note of each wanted page.
        place: The place.
        is_urgent: Whether the first page is fetched before anything else.
    """

    answer: Callable[..., Awaitable[Page]]
    source: Source
    note: Callable[[Page], None]
    place: Place
    is_urgent: bool = False

    @property
    @override
    def route(self) -> Route:
        return self.source.route

    @override
    async def __call__(self, region: Region, number: int, sort: str | None) -> Page:
        looks = self.source.route.looks
        if looks.are_bounds_due(region):
            await looks.at_bounds(self._at_once, region, self.source.example)
        page = await self.answer(
            (*self.place, number, 0),
            self.source,
            (region, number, sort),
            is_urgent=self.is_urgent and number == 1,
        )
        self.note(page)
        if number in {1, COUNT}:
            await looks.at_reach(self._at_once, region, page, is_count=number == COUNT)
        return page

    async def _at_once(self, region: Region, *, sort: str = "", is_count: bool = False) -> Page:
        """Ask for a first page, or a total, at once: other requests wait for the answer."""
        can, number = self.route.facts.can, COUNT if is_count else 1
        is_sorted = sort.removeprefix("-") in can.sorts
        place, request = (*self.place, 0, 0), (region, number, sort if is_sorted else None)
        return await self.answer(place, self.source, request, is_urgent=True)

    @override
    async def prepare(self, head: Page) -> None:
        await self.route.looks.ahead(self._at_once, head)

    @override
    def after(self, number: int) -> Ask:
        return self.of(self.source, number)

    @override
    def again(self) -> Ask:
        return replace(self, source=self.source.again(), is_urgent=False)

    @override
    def smaller(self) -> Ask:
        return replace(self, source=self.source.smaller(), is_urgent=False)

    def of(self, source: Source, number: int) -> PlacedAsk:
        """Return a `PlacedAsk` for other rows; the number is that of `after`."""
        return replace(self, source=source, place=(*self.place, number, 1), is_urgent=False)


async def fitted(
    ask: PlacedAsk, read: Callable[[Ask], AsyncIterator[Part]]
) -> AsyncIterator[Part]:
    """Run a read with requests that are small enough for the API.

    Args:
        ask: Asks for pages.
        read: The read.

    Yields:
        The parts of the read, some perhaps twice. If a list was divided, `reached` is None.

    Raises:
        TooLargeError: A list would have to be divided.
    """
    instead: Sequence[Source] = ask.source.fitted()
    learn: Callable[[], None] | None = None
    if len(instead) == 1:
        (source,) = instead
        try:
            async for part in read(ask if source is ask.source else ask.of(source, 0)):
                yield part
        except TooLargeError as too_large:
            if len(too_large.instead) > 1 and not ask.source.is_divided:
                raise
            instead, learn = too_large.instead, too_large.learn
        else:
            return
    elif not ask.source.is_divided:
        message = "more ids than 42 takes in one list"
        raise TooLargeError(message, instead)
    for number, source in enumerate(instead):
        async for part in fitted(ask.of(source, _APART + number), read):
            yield part if len(instead) == 1 else replace(part, reached=None)
    if learn is not None:
        learn()
