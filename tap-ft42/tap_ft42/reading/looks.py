"""Decides which ranges of a route are tested before they are believed, and tests them.

`tap_ft42.reading.bounds` says how a test works; this module says when one is due, and what
follows from it.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from tap_ft42.api.errors import FatalAPIError
from tap_ft42.api.page import Page
from tap_ft42.declared.capabilities import Bounds
from tap_ft42.declared.instants import DAY, HOUR
from tap_ft42.declared.listing import ID, LOST
from tap_ft42.reading.bounds import (
    Example,
    First,
    find_both,
    find_bounds,
    find_reach,
    is_exact,
)
from tap_ft42.reading.facts import RouteFacts
from tap_ft42.reading.regions import (
    EVERY_ID,
    MAX_ID,
    Key,
    RangeIgnoredError,
    RangeTooWideError,
    Region,
)

_LOOKS = 2
"""How often a run tests the bounds and width of ranges: a row may leave meanwhile."""

NIGHTLY = 2 * DAY
"""The widest window of a night, in milliseconds."""

_UNASKED = {True: 10_000, False: DAY + 2 * HOUR}
"""Ranges up to this width are trusted without a test: ids (True), and milliseconds (False),
which no window of a quarter-hourly run exceeds."""


class Looks:
    """The tests of one route's ranges: which are due, and what they find."""

    def __init__(self, facts: RouteFacts) -> None:
        """Begin with what is known of the route, and add to it."""
        self.facts = facts
        self._looking = asyncio.Lock()
        """Held while one read tests, so that all others wait for the answer."""
        self._shows_instants = False
        """Whether a range of instants was seen to show the row of just these instants."""
        self._looks_left = _LOOKS
        self._reaches_left: dict[str, int] = {}

    # Which are due

    def number_due(self, *regions: Region) -> int:
        """Return how many requests test whether some ranges are answered completely."""
        keys = {
            key
            for region in regions
            for key in region.bounds
            if self.is_reach_due(key, self._width(region, key))
        }
        if not self.facts.narrows_by(ID):
            return 2 * len(keys)  # a row is asked for at either end of a range
        # One request tests both bounds and width; another one, if instants are understood,
        # unless that of the width of ids tells it.
        is_exact_due = bool(keys - {ID}) and ID not in keys and self.are_bounds_due()
        is_alone = not keys - {ID} and any(map(self.are_bounds_due, regions))
        return len(keys) + is_alone + is_exact_due

    def are_bounds_due(self, region: Region | None = None) -> bool:
        """Tell whether rows may lie on bounds that a range may not include."""
        if region is not None and region.bounds.get(ID, EVERY_ID) == EVERY_ID:
            return False
        is_due = self.facts.is_due("bounds") and self._looks_left > 0
        return is_due and self.facts.narrows_by(ID)

    def is_reach_due(self, column: str, width: int) -> bool:
        """Tell whether to test if a range of this width is cut."""
        return self._may_be_cut(column, width) and self._reaches_left.get(column, _LOOKS) > 0

    def believed(self, region: Region) -> int | None:
        """Return up to which width a window is believed untested; None if all of it is.

        A window of all rows is compared with the whole list.
        """
        cursor = self.facts.listing.key
        lower, _ = region.interval(cursor)
        is_window = cursor in region.bounds and lower > 0
        if self.facts.narrows_by(ID) or not is_window:
            return None
        return _UNASKED[False] if self._may_be_cut(cursor, region.width(cursor)) else None

    def _width(self, region: Region, key: Key) -> int:
        """Return how wide a range is, as far as rows may lie in it."""
        (lower, upper), known = region.interval(key), self.facts.can.whole_ranges.get(key, 0)
        if key == ID and upper == MAX_ID and lower < known:
            return known - lower  # ids end a tenth above the greatest one, at most
        return region.width(key)

    def _may_be_cut(self, column: str, width: int) -> bool:
        """Tell whether a range of this width may be cut, as far as is known."""
        cursor = self.facts.listing.cursor
        if cursor is None or cursor.kind == "id" or column not in {ID, cursor.column}:
            return False  # no test can tell
        can = self.facts.can
        is_proven = width <= max(_UNASKED[column == ID], can.whole_ranges.get(column, 0))
        is_known = is_proven or column in can.widest_ranges
        return not is_known and self.facts.narrows_by(column)

    # What they find

    def note_bounds(self, bounds: Bounds | None) -> None:
        """Take note of which bounds a range includes; None if that is unknown."""
        self._looks_left -= 1
        if bounds is not None:
            self.facts.note_bounds(bounds)

    def note_cut(self, width: int, *, is_cut: bool) -> None:
        """Take note of whether a window of all rows was cut in silence."""
        cursor = self.facts.listing.key
        if is_cut and cursor not in self.facts.can.widest_ranges:
            self.facts.note_widest(cursor, _UNASKED[False])
        elif not is_cut:
            self.note_reach(cursor, width, width)

    def note_reach(
        self, column: str, wanted: int, reach: int | None, *, is_cut: bool = True
    ) -> None:
        """Take note of the width up to which ranges of a column are complete.

        Args:
            column: The column.
            wanted: The width that is wanted.
            reach: The width up to which they are complete; None if it is unknown.
            is_cut: Whether wider ones are known to be cut; not if there are no greater ids.
        """
        self._reaches_left[column] = self._reaches_left.get(column, _LOOKS) - 1
        known = self.facts.can.whole_ranges
        if reach is None:
            return
        if not is_cut:
            # The result counts for a month. In this time, ids grow by less than a tenth.
            whole = max(reach + reach // 10, known.get(column, 0))
            self.facts.keep(whole_ranges={**known, column: whole})
        elif reach >= wanted and column != ID:
            self.facts.keep(whole_ranges={**known, column: reach})
        else:
            self.facts.note_widest(column, reach)

    # The tests

    async def at_bounds(self, first: First, region: Region, example: int | None) -> None:
        """Find out which bounds a range includes, unless that is known by now.

        Args:
            first: Asks for the first page of some rows.
            region: The rows that are read next.
            example: The id of one of the route's rows, if one is known.
        """
        async with self._looking:
            if self.are_bounds_due(region):
                self.note_bounds(await find_bounds(first, example))

    async def at_reach(
        self, first: First, region: Region, page: Page, *, is_count: bool
    ) -> None:
        """Find out whether 42 has cut a wide range in silence.

        Args:
            first: Asks for the first page of some rows, or for their total.
            region: The rows that were asked for.
            page: Their first page.
            is_count: Whether only their total was wanted.

        Raises:
            RangeTooWideError: It is cut.
            RangeIgnoredError: It narrows nothing, or its halves count more rows than it has.
        """
        for key in region.bounds:
            width = self._width(region, key)
            if self.is_reach_due(key, width):
                await self._find_reach(first, key, width, page)
                is_census = key == ID and is_count
                if is_census and page.total and self.is_reach_due(ID, width):
                    await self._compare_halves(first, region, page.total)
            # Another read may have found it out while this page was on its way.
            self.facts.refuse_range(key, region.width(key))
        if (believed := self.believed(region)) is not None:
            raise RangeTooWideError(key=self.facts.listing.key, widest=believed)

    async def ahead(self, first: First, head: Page) -> None:
        """Find out how wide later windows of a list may be, from the first page of a load."""
        if head.ids:
            await self._find_reach(first, self.facts.listing.key, NIGHTLY, head)

    async def _compare_halves(self, first: First, region: Region, total: int) -> None:
        """Check that the halves of a range of ids count no more rows than the whole range.

        Raises:
            RangeIgnoredError: They count more, so the range is cut.
        """
        halves = [await first(half, is_count=True) for half in region.cut(ID, 2)]
        if sum(half.total or 0 for half in halves) > total + LOST:
            self.facts.unnarrowed(ID)
            raise RangeIgnoredError(key=ID)
        width = region.width(ID)
        self.note_reach(ID, width, width, is_cut=False)

    async def _find_reach(self, first: First, key: Key, width: int, page: Page) -> None:
        """Find out whether ranges of some width are cut, unless that is known by now.

        The rows of this page have greater ids than the slices that follow, so they prove more.
        """
        async with self._looking:
            is_sliced = self.are_bounds_due() and page.more and page.ids
            widths = {ID: max(page.ids)} if is_sliced else {}
            for each, wide in {**widths, key: width}.items():
                if self.is_reach_due(each, wide):
                    with suppress(FatalAPIError, RangeIgnoredError):
                        await self._ask_for_reach(first, each, wide, page)

    async def _ask_for_reach(self, first: First, key: Key, width: int, page: Page) -> None:
        """Ask for a known row (of this page, if it has any) in ranges of some width."""
        reach, number = None, 0
        try:
            page = page if page.ids else await first(Region(), is_count=True)
            if (example := Example.of(page, self.facts.listing.key, key)) is not None:
                number = example.number
                if is_first := key != ID and self.are_bounds_due():
                    reach = await find_both(first, example, key, width)
                    if reach is not None:
                        self.note_bounds("both")
                if reach is None:
                    by_id = self.facts.narrows_by(ID)
                    reach = await find_reach(first, example, key, width, by_id=by_id)
                    # Of a wide range of ids, the row is asked for at its own instant.
                    self._shows_instants |= key == ID and by_id and reach is not None
                is_unsure = is_first and reach is not None and not self._shows_instants
                if is_unsure and not await is_exact(first, example, key):
                    self.facts.unnarrowed(key, "42 finds rows of other instants by")
        finally:
            is_cut = key != ID or reach is None or reach != number
            self.note_reach(key, width, reach, is_cut=is_cut)
