"""Reads what changed lately of a list that no range narrows, the latest change first.

A page whose last row is older than the window ends it. That takes the order for granted, so
it has to be known: the API sorts by the cursor, which shows as two orders begin otherwise;
or a read of the whole list has found it in that order, see `Order`.

A row that changes moves to the first page, and pushes others back: they come twice. Only one
that leaves could hide another one, and changes the total. Where it does, where nobody counts
or where the order is another one, the whole list is read.
"""

from __future__ import annotations

from itertools import count, pairwise
from typing import TYPE_CHECKING

from tap_ft42.declared.instants import DAY
from tap_ft42.declared.listing import ID
from tap_ft42.reading.asking import Metered, Part
from tap_ft42.reading.in_order import order_by
from tap_ft42.reading.paging import Seen
from tap_ft42.reading.regions import Region

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tap_ft42.api.page import Page
    from tap_ft42.reading.asking import Ask
    from tap_ft42.reading.regions import Key

_FAR = DAY
"""Milliseconds by which ids tell that rows are not in the order of their creation."""

_EVERYTHING = Region()


class OutOfOrderError(Exception):
    """A list does not come the latest change first, or moves while it is read."""


class Order:
    """Whether a list has come the latest change first, and not just the latest row.

    Most rows are never changed, so that the two look alike. A row with a greater id behind one
    that changed a day later tells them apart.
    """

    def __init__(self) -> None:
        self._holds = True
        self._is_told = False
        self._last: tuple[int, int] | None = None

    def add(self, page: Page) -> None:
        """Look at the next page."""
        self._holds &= page.count == len(page.positions) == len(page.ids)
        for position, number in zip(page.positions, page.ids, strict=False):
            if self._last is not None:
                before, id_before = self._last
                self._holds &= position <= before
                self._is_told |= number > id_before and before - position >= _FAR
            self._last = position, number

    @property
    def is_newest_first(self) -> bool:
        """Whether all pages were in that order."""
        return self._holds and self._is_told


async def read_newest(ask: Ask, region: Region, *, is_sortable: bool) -> AsyncIterator[Part]:
    """Read a window of the cursor from the top of the whole list.

    Args:
        ask: Asks for pages.
        region: The window.
        is_sortable: Whether the API sorts the list; else it comes in that order by itself.

    Raises:
        OutOfOrderError: This is no way to read it.
        IncompleteReadError: Nobody can tell whether these are all its rows.
    """
    look, seen = Metered(ask), Seen()
    (key,) = region.bounds
    lower, _ = region.interval(key)
    sort, oldest, last = None, None, None
    if is_sortable:
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
