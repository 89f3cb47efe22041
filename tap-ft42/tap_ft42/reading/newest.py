"""Reads the latest changes of a list that no range narrows, the latest change first.

The read ends with a page whose last row is older than the window. So the order of the list must
be certain. Either the API sorts by the cursor: then the two orders begin with different rows.
Or a read of the whole list has found this order, see `Order`.

A row that changes moves to the first page, and pushes others back: they come twice. Only a row
that leaves the list could hide another one, and it changes the total. If the total changes, if
there are no totals, or if the order is another one, the whole list is read.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import count, pairwise

from tap_ft42.api.page import Page
from tap_ft42.declared.instants import DAY
from tap_ft42.declared.listing import ID
from tap_ft42.reading.asking import Ask, Metered, Part
from tap_ft42.reading.in_order import order_by
from tap_ft42.reading.paging import PagesRead
from tap_ft42.reading.regions import Key, Region

_FAR = DAY
"""Milliseconds: so large a difference shows that rows are not in the order of creation."""

_EVERYTHING = Region()


class OutOfOrderError(Exception):
    """A list does not have the latest change first, or moves while it is read."""


class Order:
    """Finds out whether a list has the latest change first, and not the latest row.

    Most rows never change, so the two orders look alike. They differ if a row with a greater id
    stands behind one that changed a day later.
    """

    def __init__(self) -> None:
        self._holds = True
        self._is_certain = False
        self._last: tuple[int, int] | None = None

    def add(self, page: Page) -> None:
        """Look at the next page."""
        self._holds &= page.count == len(page.positions) == len(page.ids)
        for position, number in zip(page.positions, page.ids, strict=False):
            if self._last is not None:
                before, id_before = self._last
                self._holds &= position <= before
                self._is_certain |= number > id_before and before - position >= _FAR
            self._last = position, number

    @property
    def is_newest_first(self) -> bool:
        """Whether all pages had the latest change first, and this is certain."""
        return self._holds and self._is_certain


async def read_newest(ask: Ask, region: Region, *, is_sorted: bool) -> AsyncIterator[Part]:
    """Read a window of the cursor from the top of the whole list.

    Args:
        ask: Asks for pages.
        region: The window.
        is_sorted: Whether to ask for that order; otherwise the list has it by itself.

    Raises:
        OutOfOrderError: The list cannot be read in this way.
        IncompleteReadError: It cannot be proven that these are all rows.
    """
    look, seen = Metered(ask), PagesRead()
    (key,) = region.bounds
    lower, _ = region.interval(key)
    sort, oldest, last = None, None, None
    if is_sorted:
        sort = f"-{key},-{ID}"
        oldest = await look.after(0)(_EVERYTHING, 1, order_by(key))
        if not oldest.ascends(key):
            raise OutOfOrderError
    for number in count(1):
        page = await look(_EVERYTHING, number, sort)
        keys = page.keys(key)
        is_the_same = oldest is not None and page.count > 1 and page.ids == oldest.ids
        is_new = seen.add(page)
        has_moved = number > 1 and (page.total is None or page.total != seen.first)
        if is_the_same or has_moved or not _descends(page, key, last):
            raise OutOfOrderError
        yield Part(page)
        if not page.more or keys[-1] < lower:
            return
        if not is_new:
            raise OutOfOrderError
        last = keys[-1]


def _descends(page: Page, key: Key, last: int | None) -> bool:
    keys = page.keys(key)
    before = keys[:1] if last is None else (last,)
    return len(keys) == page.count and all(a >= b for a, b in pairwise((*before, *keys)))
