"""Examines a list with the requests of a run: its first page, then a window."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from tap_ft42.api.page import Page
from tap_ft42.declared.listing import ID, Listing, filtered_key
from tap_ft42.doctor.observed import ObservedRoute
from tap_ft42.doctor.shapes import shape_of
from tap_ft42.reading.asking import Ask, Part
from tap_ft42.reading.regions import RangeIgnoredError, RangeTooWideError, Region

_ROUND = {10**power for power in range(3, 8)}
"""Round totals: a server may have stopped counting there."""

_FEW = 4
"""Rows that show an order, or which page it is."""


@dataclass
class Examination:
    """Examines one list. What 42 refuses, the pipeline notes itself; this adds the rest.

    Attributes:
        listing: The list.
        found: Takes what is observed of the route.
        query: The parameters that narrow the list.
        size: Rows of a page that a run asks for.
        until: The end of all windows, in milliseconds since 1970.
    """

    listing: Listing
    found: ObservedRoute
    query: Mapping[str, object]
    size: int
    until: int
    _order: str | None = None

    async def read(self, ask: Ask) -> AsyncIterator[Part]:
        """Ask for the first page and test the list; yield the page as soon as it is there."""
        found, can = self.found, self.found.facts.can
        self.size = min(self.size, can.page_size)
        # A run loads the list in this order.
        self._order = ("-id" if can.ranges else ID) if ID in can.sorts else None
        found.head = head = await ask(Region(), 1, self._order)
        rows = [row for row in head.records() if isinstance(row, dict)]
        found.is_examined, found.fields = True, shape_of(rows)
        yield Part(head)
        self._look_at_filters(rows)
        self._look_at_headers(head)
        if not head.is_oversized and head.count:
            await self._look_behind(ask, head)
            can = self.found.facts.can
            if can.ranges and can.is_paged and not self._is_whole(head):
                await self._try_window(ask, head)

    def _is_whole(self, head: Page) -> bool:
        """Tell whether the first page holds all rows."""
        if self.found.facts.can.totals != "exact":
            return head.count < self.found.facts.can.page_size
        return head.total == head.count

    # The first page

    def _look_at_filters(self, rows: Sequence[Mapping[str, Any]]) -> None:
        for name, value in self.query.items():
            column = filtered_key(name)
            if name == self.listing.cursus_filter:
                column = self.listing.cursus_column or column
            shown = [row[column] for row in rows if column in row]
            if not all(_is_among(cell, str(value).split(",")) for cell in shown):
                self.found.facts.note_filter(name, is_ignored=True, instead="The tap does")

    def _look_at_headers(self, head: Page) -> None:
        facts, total = self.found.facts, head.total
        if head.is_oversized:
            facts.learn("42 sends all of it at once", is_paged=False)
        elif total is not None and head.count < min(total, self.size):
            facts.learn("42 sends smaller pages", page_size=head.count)
        if total is None and head.count:
            is_told = any("X-Total" in one.headers for one in self.found.answers)
            facts.learn("42 does not count it", totals="wrong" if is_told else "none")

    async def _look_behind(self, ask: Ask, head: Page) -> None:
        """Ask for a second page if there may be one, and no window tells more."""
        facts, total, is_cut = self.found.facts, head.total, head.count < self.size
        may_stop = total in _ROUND or total == head.count == self.size
        is_untold = total is None and is_cut
        if not (may_stop or is_untold) and (facts.can.ranges or self._is_whole(head)):
            return
        number = (total or 0) // head.size + 1 if may_stop else 2
        page = await ask(Region(), number, self._order)
        if page.ids == head.ids:
            if not is_cut:
                fewer = await ask.smaller()(Region(), 1, self._order)
                self.found.is_numbered = fewer.is_oversized
                facts.learn("42 sends all of it at once", is_paged=not fewer.is_oversized)
        elif page.count and may_stop:
            facts.doubt_totals()
            self.found.total_at_most = total
        elif page.count and is_cut:
            facts.learn("42 sends smaller pages", page_size=head.count)
        if self._order == ID and not head.ascends(ID):
            facts.unsorted(ID)

    # Order and ranges

    async def _try_window(self, ask: Ask, head: Page) -> None:
        """Ask for the second page of a window of known rows, in the order of a run.

        If 42 ignores a part of the request, the rows show it. The window has a range of ids,
        so the pipeline first looks at the bounds of such ranges.
        """
        facts, can = self.found.facts, self.found.facts.can
        columns = sorted(can.sorts, key=lambda column: column == ID)
        sort = columns if can.sorts_by_several else columns[:1]
        region, first = self._window(head)
        try:
            page = await self._few(ask)(region, 2, ",".join(sort) or None)
        except RangeTooWideError:
            return
        except RangeIgnoredError:
            page = None
        if page is None or facts.can.sorts != can.sorts:
            await self._try_window(ask, head)  # without what 42 refuses
            return
        for column in filter(facts.narrows_by, region.strangers(page)):
            facts.unnarrowed(column)
        if sort and not page.ascends(sort[0]):
            for column in sort:
                if not (await ask(Region(), 1, column)).ascends(column):
                    facts.unsorted(column)
        if set(first if sort else head.ids[:1]).intersection(page.ids):
            second = await ask(Region(), 2, self._order)
            self.found.is_numbered = second.ids != head.ids

    def _window(self, head: Page) -> tuple[Region, Sequence[int]]:
        """Return a region of most rows of a page, and the ids of its first rows by cursor."""
        key = self.listing.key
        region, first = Region(), list[int]()
        for column in self.found.facts.can.ranges:
            # The rows do not show all columns.
            keys = sorted(head.keys(column)) or [0, self.until]
            lower = keys[len(keys) // 3] if column == key else keys[0]
            region = region.narrowed(column, lower, keys[-1])
            if column == key:
                rows = zip(head.ids, head.keys(key), strict=False)
                first = [number for number, own in rows if own == lower]
        return region, first

    def _few(self, ask: Ask) -> Ask:
        """Return an `Ask` for pages of a few rows."""
        size = self.size
        while size > _FEW:
            ask, size = ask.smaller(), ceil(size / 2)
        return ask


def _is_among(cell: object, values: Sequence[str]) -> bool:
    if isinstance(cell, list):
        return any(_is_among(item, values) for item in cell)
    text = str(cell).lower() if isinstance(cell, bool) else str(cell)
    return text in values
