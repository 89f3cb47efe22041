"""Asks for pages at places: an answer's place is its position in the order of consumption."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from typing_extensions import override

from tap_ft42.api.errors import FatalAPIError
from tap_ft42.declared.listing import ID
from tap_ft42.reading.asking import (
    COUNT,
    Ask,
    RangeIgnoredError,
    RangeTooWideError,
    TooLargeError,
)
from tap_ft42.reading.bounds import Example, find_both, find_bounds, find_reach, is_exact
from tap_ft42.reading.facts import NIGHTLY, RouteFacts
from tap_ft42.reading.paging import LOST
from tap_ft42.reading.regions import Region

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from tap_ft42.api.page import Page
    from tap_ft42.reading.asking import Part, Source
    from tap_ft42.reading.regions import Key

Place: TypeAlias = tuple[int, ...]
"""Position in the order of consumption: ``(2,)`` < ``(2, 5)`` < ``(3,)``."""

NOW: Place = (-1,)
"""The place of answers that the consumer needs before it goes on."""

_APART = 10_000
"""Place of the reads that replace another one: behind all its requests."""


class PlacedAsk(Ask):
    """Asks for pages at a place in the order of consumption."""

    def __init__(
        self,
        answer: Callable[..., Awaitable[Page]],
        source: Source,
        note: Callable[[Page], None],
        place: Place,
        *,
        is_urgent: bool = False,
    ) -> None:
        self._answer = answer
        self.source = source
        """The source of the rows."""
        self._note = note
        self._place = place
        self._is_urgent = is_urgent

    @override
    async def __call__(self, region: Region, number: int, sort: str | None) -> Page:
        if (facts := self.source.facts) is not None:
            await self._look_at_bounds(facts, region)
        page = await self._answer(
            (*self._place, number, 0),
            self.source,
            (region, number, sort),
            is_urgent=self._is_urgent and number == 1,
        )
        self._note(page)
        if number in {1, COUNT} and facts is not None:
            await self._look_at_reach(facts, region, number, page)
        return page

    async def _look_at_bounds(self, facts: RouteFacts, region: Region) -> None:
        """Find out which bounds a range includes, if that is not known."""
        if not facts.are_bounds_due(region):
            return
        async with facts.looking:
            if not facts.are_bounds_due(region):
                return
            facts.note_bounds(await find_bounds(self._at_once, self.source.example))

    async def _at_once(self, region: Region, number: int = 1, *, sort: str = "") -> Page:
        """Ask for a page at once, as other requests wait for its answer."""
        facts = self.source.facts
        is_sorted = facts is not None and sort.removeprefix("-") in facts.can.sorts
        place, request = (*self._place, 0, 0), (region, number, sort if is_sorted else None)
        return await self._answer(place, self.source, request, is_urgent=True)

    async def _look_at_reach(
        self, facts: RouteFacts, region: Region, number: int, page: Page
    ) -> None:
        """Find out whether a wide range is silently cut, if that is not known.

        Raises:
            RangeTooWideError: It is cut.
        """
        for key in facts.keys_due(region):
            width = region.width(key)
            await self._find_reach(facts, key, width, page)
            is_census = key == ID and number == COUNT
            if is_census and page.total and facts.is_reach_due(ID, width):
                await self._compare_halves(facts, region, page.total)
            widest = facts.can.widest_ranges.get(key, width)
            if widest < width:
                raise RangeTooWideError(key=key, widest=widest)
        if (believed := facts.believed(region)) is not None:
            raise RangeTooWideError(key=facts.cursor, widest=believed)

    async def _compare_halves(self, facts: RouteFacts, region: Region, total: int) -> None:
        """Check that the halves of a range of ids count no more rows than the whole range.

        Raises:
            RangeIgnoredError: They count more, so the range is cut.
        """
        halves = [await self._at_once(half, COUNT) for half in region.cut(ID, 2)]
        if sum(half.total or 0 for half in halves) > total + LOST:
            facts.unnarrowed(ID)
            raise RangeIgnoredError(key=ID)
        # The result counts for a month. In this time, ids grow by less than a tenth.
        width = region.width(ID)
        facts.note_reach(ID, width, width + width // 10)

    @override
    async def prepare(self, head: Page) -> None:
        if (facts := self.source.facts) is not None and head.ids:
            await self._find_reach(facts, facts.cursor, NIGHTLY, head)

    async def _find_reach(self, facts: RouteFacts, key: Key, width: int, page: Page) -> None:
        """Find out whether ranges of some width are cut, unless that is known by now.

        The rows of this page have greater ids than the slices that follow, so they prove more.
        """
        async with facts.looking:
            is_sliced = facts.are_bounds_due() and page.more and page.ids
            widths = {ID: max(page.ids)} if is_sliced else {}
            for each, wide in {**widths, key: width}.items():
                if facts.is_reach_due(each, wide):
                    with suppress(FatalAPIError, RangeIgnoredError):
                        await self._ask_for_reach(facts, each, wide, page)

    async def _ask_for_reach(self, facts: RouteFacts, key: Key, width: int, page: Page) -> None:
        """Ask for a known row (of this page, if it has any) in ranges of some width."""
        reach, number = None, 0
        try:
            page = page if page.ids else await self._at_once(Region(), COUNT)
            if (example := Example.of(page, facts.cursor, key)) is not None:
                number = example.number
                if is_first := key != ID and facts.are_bounds_due():
                    reach = await find_both(self._at_once, example, key, width)
                    if reach is not None:
                        facts.note_bounds("both")
                if reach is None:
                    by_id = facts.narrows_by(ID)
                    reach = await find_reach(self._at_once, example, key, width, by_id=by_id)
                    # Of a wide range of ids, the row is asked for at its own instant.
                    facts.shows_instants |= key == ID and by_id and reach is not None
                is_unsure = is_first and reach is not None and not facts.shows_instants
                if is_unsure and not await is_exact(self._at_once, example, key):
                    facts.unnarrowed(key, "42 finds rows of other instants by")
        finally:
            is_cut = key != ID or reach is None or reach != number
            facts.note_reach(key, width, reach, is_cut=is_cut)

    @override
    def after(self, number: int) -> Ask:
        return self.of(self.source, number)

    @override
    def again(self) -> Ask:
        source = self.source.again()
        return PlacedAsk(self._answer, source, self._note, self._place)

    @override
    def smaller(self) -> Ask:
        return PlacedAsk(self._answer, self.source.smaller(), self._note, self._place)

    def of(self, source: Source, number: int) -> PlacedAsk:
        """Return a `PlacedAsk` for other rows; the number is that of `after`."""
        return PlacedAsk(self._answer, source, self._note, (*self._place, number, 1))


async def fitted(
    ask: PlacedAsk, read: Callable[[Ask], AsyncIterator[Part]], *, is_divided: bool
) -> AsyncIterator[Part]:
    """Run a read with requests that are small enough for the API.

    Args:
        ask: Asks for pages.
        read: The read.
        is_divided: Whether a list of too many ids may be divided into shorter ones.

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
            if len(too_large.instead) > 1 and not is_divided:
                raise
            instead, learn = too_large.instead, too_large.learn
        else:
            return
    elif not is_divided:
        message = "more ids than 42 takes in one list"
        raise TooLargeError(message, instead)
    for number, source in enumerate(instead):
        parts = fitted(ask.of(source, _APART + number), read, is_divided=is_divided)
        async for part in parts:
            yield part if len(instead) == 1 else replace(part, reached=None)
    if learn is not None:
        learn()
