"""How a list is read completely while its rows move.

The API pages by offset: page *k* of a list of size *s* holds the rows of ranks
*s(k-1)+1* to *sk* at the moment of the answer. A row that leaves the list shifts
all rows behind it, and a reader who asks for page *k+1* after that never sees the
one that slipped from page *k+1* to page *k*.

**Promise.** Each row that is in a region when its read begins and still is when
the read ends is yielded at least once.

**Closed regions.** Every region that is read here can lose rows but win none: a
window of ``updated_at`` whose upper bound lies in the past (a change moves a row
out of it, into the next window), or an interval of ids that ends below an id that
has been given away. So a row's rank only ever falls, and so does the total that
each answer states.

**One page** is one moment: nothing can slip.

**Pages in order** (`read_in_order`). Let a row *r* be missed by every page. It
lies behind page 1 (a row has no rank before the first) and before the last one
(there are as many pages as page 1, the earliest answer, calls for). So there is a
*k* such that *r* lay behind page *k* when that was made and before page *k+1* when
that was made: between these two moments a row left, and the key of *r* lies between
the last of page *k* and the first of page *k+1*. Now the API counts the total of an
answer before it reads the answer's rows (``api-pagination`` does). So if any answer
that was asked for after page *k+1* had come states the total of page *k*, no row
left in between, and the border of the two pages is proven. Where it states less,
the gap between their keys is read again, as a region of its own. The last borders
are proven by one more request, for the page behind the last. All pages may be in
flight at once; the order of their answers does not matter.

**Pages without order** (`read_piecewise`), where the API sorts a route by nothing
that is documented. As a closed region wins no rows, all have been seen once there
are as many distinct ids as the first answer's total. Otherwise the region is halved
and read again, in the end page by page.

Keys are ids, or ``updated_at`` in milliseconds. The database is more precise than
that: a row shown at .123 may lie behind .123, so where two regions of time meet
they share their bound, and a gap ends a millisecond later.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from itertools import count
from math import ceil
from typing import TYPE_CHECKING, Protocol

from singer_sdk.exceptions import FatalAPIError

from tap_ft42.reading.ahead import in_turn
from tap_ft42.reading.regions import Region

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tap_ft42.api.page import Page
    from tap_ft42.reading.regions import Key

LONG_SLICE = 500
"""Pages of a slice of a sorted list: deeper offsets cost the API more."""

SHORT_SLICE = 20
"""Pages of a slice of a list without order, which may have to be read again."""

_TRIES = 10
_SORTS: dict[Key, str] = {"id": "id", "updated_at": "updated_at,id"}


@dataclass(frozen=True, slots=True)
class Part:
    """A page that was read, or the news that a slice is complete."""

    page: Page | None
    reached: int | None = None
    """All rows of the region whose key lies below this have been yielded."""
    is_descending: bool = False
    """Whether the page is sorted the other way round than what is read."""


class Ask(Protocol):
    """Asks the API for a page of a region.

    Answers are buffered until they are consumed, in the order of their places:
    page 1, what comes after page 1, page 2, …
    """

    async def __call__(self, region: Region, number: int, sort: str | None) -> Page:
        """Fetch a page.

        Args:
            region: Which rows.
            number: The page's number, from 1.
            sort: The value of the parameter ``sort``; None leaves it out.

        Returns:
            The page.
        """
        ...

    def after(self, number: int) -> Ask:
        """Return an `Ask` for what is consumed between a page and its successor."""
        ...


class UnsteadyListError(FatalAPIError):
    """A list changes faster than it can be read."""


class TooDearError(Exception):
    """A list costs more requests than it is worth."""


class RangeIgnoredError(Exception):
    """The API does not narrow this list by ranges after all."""


async def read_list(ask: Ask, *, is_sortable: bool) -> AsyncIterator[Part]:
    """Read a whole list that the API narrows by nothing.

    Such a list may also win rows, so a small risk remains: a row that comes and
    another one that goes in the same second between two pages. The next full
    read brings what was missed then.

    Args:
        ask: Asks for pages.
        is_sortable: Whether the API sorts the list by id.

    Yields:
        Its pages, once or several times.

    Raises:
        UnsteadyListError: It was another one in each of ten reads.
    """
    sort = "id" if is_sortable else None
    seen_before = None
    for attempt in range(_TRIES):
        seen = _Seen()
        async for page in _pages(ask.after(attempt), Region(), sort):
            seen.add(page)
            yield Part(page)
        # Two reads alike are right even if the totals are not.
        if seen.is_steady or seen.ids == seen_before:
            return
        seen_before = seen.ids
    message = f"A list was another one in each of {_TRIES} reads. Try again later."
    raise UnsteadyListError(message)


async def read_from_scratch(
    ask: Ask, region: Region, *, is_sortable: bool
) -> AsyncIterator[Part]:
    """Read a region slice by slice in the order of ids, which no update changes.

    Args:
        ask: Asks for pages.
        region: Which rows; if they cannot be sorted, closed by a window.
        is_sortable: Whether the API sorts the list by id.

    Yields:
        Its pages; what is reached are ids.
    """
    try:
        async for part in _from_scratch(ask, region, is_sortable=is_sortable):
            yield part
    except RangeIgnoredError:
        async for part in read_list(ask.after(LONG_SLICE), is_sortable=is_sortable):
            yield Part(part.page)


async def read_window(
    ask: Ask,
    region: Region,
    *,
    is_sortable: bool,
    accepts: Callable[[Page], bool] | None = None,
) -> AsyncIterator[Part]:
    """Read a window of ``updated_at``, the oldest changes first.

    Args:
        ask: Asks for pages.
        region: A window that is closed.
        is_sortable: Whether the API sorts the list.
        accepts: Whether it is worth its cost, judged by the first page; None if so.

    Yields:
        Its pages; what is reached are instants.

    Raises:
        TooDearError: It is not.
    """
    read = read_in_order if is_sortable else read_piecewise
    try:
        head = await _page(ask, region, 1, _SORTS["updated_at"] if is_sortable else None)
        if accepts is not None and not accepts(head):
            raise TooDearError
        async for part in read(ask, region, "updated_at", head):
            yield part
    except RangeIgnoredError:
        async for part in read_list(ask.after(LONG_SLICE), is_sortable=is_sortable):
            yield Part(part.page)


async def _from_scratch(ask: Ask, region: Region, *, is_sortable: bool) -> AsyncIterator[Part]:
    head = await _page(ask, region, 1, "-id" if is_sortable else None)
    lower, upper = region.interval("id")
    if is_sortable and head.ids and list(head.ids) == sorted(head.ids, reverse=True):
        # A row may have come between count and rows, and pushed out another one.
        if not (head.is_whole and head.count < head.size) and head.ids[-1] > lower:
            # Ids are given away in ascending order: below this one no row appears.
            rest = region.narrowed("id", lower, head.ids[-1] - 1)
            slices = rest.cut("id", _parts(head, LONG_SLICE))
            async for part in in_turn(
                read_in_order(ask.after(number), piece, "id")
                for number, piece in enumerate(slices, 1)
            ):
                yield part
        yield Part(head, is_descending=True)
    elif head.total is None and not head.is_whole:
        # Neither order nor totals: nothing can be proven.
        async for page in _pages(ask, region, None, head):
            yield Part(page)
    elif head.total is None or head.total <= SHORT_SLICE * head.size or not head.ids:
        async for part in read_piecewise(ask.after(1), region, "id", head):
            yield part
    else:
        yield Part(head)
        newest = min(max(head.ids), upper - 1)
        slices = [
            *region.narrowed("id", lower, newest).cut("id", _parts(head, SHORT_SLICE)),
            region.narrowed("id", newest + 1, upper),
        ]
        async for part in in_turn(
            read_piecewise(ask.after(number), piece, "id")
            for number, piece in enumerate(slices, 1)
        ):
            yield part


async def read_in_order(
    ask: Ask, region: Region, key: Key, head: Page | None = None
) -> AsyncIterator[Part]:
    """Read a closed region sorted by a key, all pages at once.

    Args:
        ask: Asks for pages.
        region: Which rows.
        key: The key that they are sorted by.
        head: Its first page, if that has been read.

    Yields:
        The pages in ascending order, and each gap as soon as it is known to be one.
    """
    last, upper = region.interval(key)
    borders: deque[_Border] = deque()
    before, number = None, 0
    async for page in _pages(ask, region, _SORTS[key], head):
        number += 1
        keys = page.keys(key)
        is_unchanged = before is not None and before.total == page.total
        if not page.ascends(key) or (is_unchanged and keys and keys[0] < last):
            # The API does not sort this list after all.
            async for part in read_piecewise(ask.after(number), region, key):
                yield part
            return
        if before is not None:
            borders.append(_Border(before, page, last, keys[0] if keys else upper + 1))
        last = keys[-1] if keys else last
        yield Part(page)
        async for part in _prove(ask.after(number), region, key, borders, page):
            yield part
        yield Part(None, reached=borders[0].last if borders else last)
        if page.total is None and number == 1:
            async for part in _step_by_step(ask, region, key, page):
                yield part
            break
        before = page
    if borders:
        witness = await ask(region, number + 1, _SORTS[key])
        async for part in _prove(ask.after(number + 1), region, key, borders, witness):
            yield part
    yield Part(None, reached=upper)


@dataclass(frozen=True, slots=True)
class _Border:
    """Where one page ends and the next one begins."""

    before: Page
    after: Page
    last: int
    first: int

    def gap(self, key: Key, upper: int) -> tuple[int, int] | None:
        """Return the keys that may lie between the two pages."""
        if key == "updated_at":
            return self.last, min(self.first + 1, upper)
        return (self.last + 1, self.first - 1) if self.last + 1 < self.first else None


async def _prove(
    ask: Ask, region: Region, key: Key, borders: deque[_Border], witness: Page
) -> AsyncIterator[Part]:
    """Prove the borders that a later answer can speak for, or read their gaps."""
    number = 0
    while borders and witness.sent >= borders[0].after.answered:
        border = borders.popleft()
        gap = border.gap(key, region.interval(key)[1])
        if gap is None or (
            border.before.total is not None and border.before.total == witness.total
        ):
            continue
        number += 1
        between = region.narrowed(key, *gap)
        async for part in read_in_order(ask.after(number), between, key):
            yield Part(part.page)


async def _step_by_step(ask: Ask, region: Region, key: Key, page: Page) -> AsyncIterator[Part]:
    """Go on where a page ended, again and again.

    Without totals nobody can tell how many pages there are, nor whether a row
    left between two of them: so each is the first one of a region of its own.
    """
    _, upper = region.interval(key)
    for number in count(1):
        keys = page.keys(key)
        if not page.more or not keys:
            return
        first, last = keys[0], keys[-1]
        if key == "updated_at" and first == last:
            moment = region.narrowed(key, last, last + 1)
            async for part in read_in_order(ask.after(2 * number), moment, "id"):
                yield Part(part.page)
        if key == "id" or first == last:
            last += 1
        if last > upper:
            return
        region = region.narrowed(key, last, upper)
        page = await _page(ask.after(2 * number + 1), region, 1, _SORTS[key])
        yield Part(page, reached=last)


async def read_piecewise(
    ask: Ask, region: Region, key: Key, head: Page | None = None
) -> AsyncIterator[Part]:
    """Read a closed region in no order, in pieces small enough to be read at once.

    Args:
        ask: Asks for pages.
        region: Which rows.
        key: The key by which it is cut into pieces.
        head: Its first page, if that has been read.

    Yields:
        The pages of each piece, and after each piece that it is complete.
    """
    lower, upper = region.interval(key)
    head = head or await _page(ask, region, 1, None)
    if head.total is not None and head.total <= SHORT_SLICE * head.size:
        seen, keys = _Seen(), list[int]()
        async for page in _pages(ask, region, None, head):
            seen.add(page)
            keys.extend(page.keys(key))
            yield Part(page)
        is_complete = seen.has_all
        parts = [] if is_complete else region.halved(key, keys)
    else:
        yield Part(head)
        is_complete = head.is_whole
        parts = region.cut(key, _parts(head, SHORT_SLICE))
    if is_complete or lower == upper:
        yield Part(None, reached=upper)
    elif key == "updated_at" and upper - lower == 1:
        # More rows in a millisecond than a page holds: a batch edit.
        async for part in read_piecewise(ask.after(SHORT_SLICE), region, "id"):
            yield Part(part.page)
        yield Part(None, reached=upper)
    else:
        async for part in in_turn(
            read_piecewise(ask.after(SHORT_SLICE + number), piece, key)
            for number, piece in enumerate(parts)
        ):
            yield part


class _Seen:
    """What the pages of a list held."""

    def __init__(self) -> None:
        self.ids: set[int] = set()
        self._without_id = 0
        self._totals: list[int | None] = []

    def add(self, page: Page) -> None:
        self.ids.update(page.ids)
        self._without_id += page.count - len(page.ids)
        self._totals.append(page.total)

    @property
    def has_all(self) -> bool:
        """Whether nothing is missing, if the list won no rows meanwhile."""
        first = self._totals[0]
        return first is None or len(self.ids) + self._without_id >= first

    @property
    def is_steady(self) -> bool:
        """Whether nothing is missing, as the list did not change."""
        return self.has_all and len(set(self._totals)) == 1


async def _page(ask: Ask, region: Region, number: int, sort: str | None) -> Page:
    page = await ask(region, number, sort)
    if not region.holds(page):
        raise RangeIgnoredError
    return page


async def _pages(
    ask: Ask, region: Region, sort: str | None, head: Page | None = None
) -> AsyncIterator[Page]:
    """Ask for page 1, then for all others at once; yield them in order.

    Without totals they are asked for one by one.
    """
    head = head or await _page(ask, region, 1, sort)
    yield head
    if head.total is None:
        number, page = 1, head
        while page.more:
            number += 1
            page = await _page(ask, region, number, sort)
            yield page
        return
    rest = [
        asyncio.ensure_future(_page(ask, region, number, sort))
        for number in range(2, ceil(head.total / head.size) + 1)
    ]
    try:
        for answer in rest:
            yield await answer
    finally:
        for answer in rest:
            answer.cancel()


def _parts(head: Page, pages: int) -> int:
    """Return how many slices of so many pages a list makes."""
    return 2 if head.total is None else max(1, ceil(head.total / (pages * head.size)))
