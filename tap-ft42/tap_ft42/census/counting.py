"""How rows that disappeared are found without reading those that did not.

A tally knows which rows a list should have. One request says how many rows lie in an
interval of ids: its total. If the two agree, the interval is done. If not, the interval
is halved so that both halves fill pages, and only the lower half is asked for: the rest
of the total is the upper half's. What fits in a page is read and not counted, which
proves which ids exist in it.

So one disappearance among *p* pages costs the total, ``log2(p)`` counts or one
less, and a page; several share what lies above them. Where more rows differ than
there are pages, halving would end at nearly every page, so the interval is read.
No way of asking does much better: it takes some 220 bits to name the pages of 50 rows
among 400 pages, and a count brings one or two.

**What a count cannot see.** A row that disappeared and another one that entered the
list unnoticed, with an old id, cancel each other out in the total of every interval
that has both. A rolling read of the whole list (`read_sector`) finds these, and what
changed silently.

**Moments.** The answers are moments apart. If a row disappears between two of them, the
upper half seems to have one row more than it has. Then it is read in vain or, if it
lacks a row of its own, found by the next census. No interval is ever proven by
subtraction, only by a page that was read.

**Contradictions.** Nothing follows from totals that contradict each other or the rows:
half of an interval that has more rows than the whole, a page of other rows than were
counted, a range that nobody can read to its end. What was found there is passed on as
doubtful, without a proof, and a later census looks again.

**Bound.** Each count is of a part of an interval that is made of fewer slices, so there
are fewer counts than slices, and fewer requests for rows than `read_sector` allows.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from itertools import count
from math import ceil, inf
from typing import TYPE_CHECKING

from tap_ft42.declared.listing import ID
from tap_ft42.reading.asking import IncompleteReadError, Metered, Part, RangeIgnoredError
from tap_ft42.reading.in_order import read_in_order
from tap_ft42.reading.piecewise import read_piecewise
from tap_ft42.reading.reads import read_list
from tap_ft42.reading.regions import Region

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Sequence

    from tap_ft42.api.page import Page
    from tap_ft42.census.tallies import Expectation
    from tap_ft42.reading.asking import Ask
    from tap_ft42.reading.regions import Key

AT_ONCE = 8
"""Intervals about which is asked at once: two a second, and four seconds an answer."""

_LONGEST_WAY = 10

_SPARE, _FACTOR = 16, 4
"""Requests that a range may take to be read: so many, and so many a page."""

COUNT = 0
"""Number of a page that is asked for its total alone."""


@dataclass(frozen=True, slots=True)
class Proof(Part):
    """What exists in a closed interval of ids."""

    lower: int = 0
    upper: int = 0
    total: int = 0
    """Rows that exist."""
    ids: Sequence[int] | None = None
    """Their ids, ascending; None if they were only counted."""
    sent: float = 0.0
    """Unix time before the first request."""


class UncountableError(Exception):
    """The API tells no totals of this list."""


@dataclass(frozen=True, slots=True)
class _Interval:
    """A closed interval of ids."""

    region: Region
    expected: int
    """Rows that it should have."""
    total: int = 0
    """Rows that it has, once that is known."""
    whole: _Interval | None = None
    """What it is the lower half of."""
    is_read: bool = False
    """Whether it fits in a page, so that its rows are asked for and not its total."""
    counted: int | None = None
    """Rows that a count said it has, if one did."""

    def total_of(self, page: Page) -> int:
        """Return how many rows the interval has, as an answer tells."""
        if self.region.strangers(page):
            raise RangeIgnoredError
        if page.total is None:
            raise UncountableError
        return page.total

    def contradicts(self, page: Page) -> bool:
        """Tell whether an answer says what earlier ones rule out."""
        total = self.total_of(page)
        if self.whole is not None and total > self.whole.total:
            return True
        return self.is_read and page.is_whole and self.counted not in {None, total}


async def count_rows(  # noqa: PLR0913 - each is a fact about the list
    ask: Ask,
    region: Region,
    expected: Expectation,
    *,
    is_sortable: bool,
    most: int | None = None,
    total: int | None = None,
) -> AsyncIterator[Part]:
    """Find the rows by which a region differs from what is expected of it.

    Args:
        ask: Asks for pages; for `COUNT`, for a total.
        region: An interval of ids.
        expected: What is known of it.
        is_sortable: Whether the API sorts the list by id.
        most: Requests after which what is still open is left so; None for any number.
        total: How many rows the region has, if that was asked for just before.

    Yields:
        The total of the region, if it was asked for; the pages where it differs, each
        with a proof behind.

    Raises:
        UncountableError: The API tells no totals of this list.
        RangeIgnoredError: It does not narrow the list by ids.
    """
    lower, upper = region.interval("id")
    rows, size = expected.between(lower, upper), expected.page_size
    # The last ones first: with few requests some pages are found, not just large halves.
    whole = _Interval(region, rows, is_read=rows <= size)
    todo, unread = [whole], list[_Interval]()
    if total is not None:
        todo, unread = _further([replace(whole, total=total)], expected)
    left = inf if most is None else most
    for turn in count(1):
        # With few requests left, rather one way to its end than many that end nowhere.
        width = int(min(AT_ONCE, max(1, left // _LONGEST_WAY)))
        asking = todo[-width:] if left > 0 else []
        if not asking:
            break
        del todo[-len(asking) :]
        left -= len(asking)
        pages = await _at_once(ask.after(turn), asking, is_sortable=is_sortable)
        for asked, page in zip(asking, pages, strict=True):
            for part in _told(asked, page):
                yield part
            further = _further(_halves(asked, page), expected)
            todo += further[0]
            unread += further[1]
    for number, rest in enumerate(unread):
        needed = ceil(max(rest.expected, rest.total) / size)
        left -= needed + (needed > 1)  # the borders of several pages take one to be proven
        if left < 0:
            break
        sector = read_sector(
            ask.after(turn).after(number),
            rest.region,
            is_sortable=is_sortable,
            pages=needed,
        )
        async for part in sector:
            # More rows than were counted: one of the two is wrong.
            is_more = isinstance(part, Proof) and part.total > rest.total
            yield Part(None, is_doubtful=True) if is_more else part


async def read_sector(
    ask: Ask,
    region: Region,
    *,
    is_sortable: bool,
    pages: int | None = None,
    key: Key = ID,
) -> AsyncIterator[Part]:
    """Read a closed interval of ids, or of another key.

    Args:
        ask: Asks for pages.
        region: The interval.
        is_sortable: Whether the API sorts the list by id.
        pages: How many it should have. More than 16 requests and 4 a page are not sent;
            None for no other bound than that of every read.
        key: The key.

    Yields:
        Its pages, once or several times, and a proof of what exists in it, or the news
        that it is doubtful.

    Raises:
        UncountableError: The API tells no totals of this list.
        RangeIgnoredError: It does not narrow the list by the key.
    """
    read = read_in_order if is_sortable else read_piecewise
    within = Metered(ask, most=None if pages is None else _SPARE + _FACTOR * pages)
    found = _Found()
    try:
        async for part in found.pages_of(read(within, region, key)):
            yield part
    except IncompleteReadError:
        found.is_doubtful = True
    yield found.verdict(region)


async def read_whole(
    ask: Ask, expected: Expectation, *, is_sortable: bool
) -> AsyncIterator[Part]:
    """Read all of a list that no range narrows.

    Args:
        ask: Asks for pages.
        expected: What is known of it.
        is_sortable: Whether the API sorts the list by id.

    Yields:
        Its pages, once or several times, and a proof of what exists of what is known.

    Raises:
        UncountableError: The API tells no totals of this list.
        IncompleteReadError: Nobody can tell whether these are all its rows.
    """
    found = _Found()
    async for part in found.pages_of(read_list(ask, is_sortable=is_sortable)):
        yield part
    yield found.verdict(Region({ID: (1, max(expected.greatest, 1))}))


@dataclass
class _Found:
    """What a read of counted pages has shown."""

    pages: list[Page] = field(default_factory=list)
    is_doubtful: bool = False

    async def pages_of(self, parts: AsyncIterator[Part]) -> AsyncIterator[Part]:
        """Yield the parts that are pages.

        Raises:
            UncountableError: The API tells no totals of this list.
        """
        async for part in parts:
            self.is_doubtful |= part.is_doubtful
            if part.page is not None:
                if part.page.total is None:
                    raise UncountableError
                self.pages.append(part.page)
                yield part

    def verdict(self, region: Region) -> Part:
        """Return a proof of which rows exist in a region, or that this is in doubt."""
        if self.is_doubtful:
            return Part(None, is_doubtful=True)
        return _proof(region, self.pages)


def _told(asked: _Interval, page: Page) -> Iterator[Part]:
    """Yield what an answer proves by itself."""
    lower, upper = asked.region.interval("id")
    if asked.is_read and page.is_whole:
        yield Part(page)
    if asked.contradicts(page):
        yield Part(None, is_doubtful=True)
    elif asked.is_read and page.is_whole:
        yield _proof(asked.region, [page])
    elif not asked.is_read and asked.whole is None:
        total = asked.total_of(page)
        yield Proof(None, lower=lower, upper=upper, total=total, sent=page.sent)


def _halves(asked: _Interval, page: Page) -> Iterator[_Interval]:
    """Yield what an answer tells about, with its total: the interval and what is beside."""
    total = asked.total_of(page)
    if asked.contradicts(page):
        return
    if not (asked.is_read and page.is_whole):
        yield replace(asked, total=total)
    if (whole := asked.whole) is not None:
        _, middle = asked.region.interval("id")
        _, upper = whole.region.interval("id")
        yield _Interval(
            whole.region.narrowed("id", middle + 1, upper),
            whole.expected - asked.expected,
            total=whole.total - total,
        )


def _further(
    told: Iterable[_Interval], expected: Expectation
) -> tuple[list[_Interval], list[_Interval]]:
    """Return what to ask about intervals whose totals are known, and which to read whole."""
    differing = [interval for interval in told if interval.expected != interval.total]
    smaller = [(interval, _smaller(interval, expected)) for interval in differing]
    return (
        [part for _, part in smaller if part is not None],
        [interval for interval, part in smaller if part is None],
    )


def _smaller(differs: _Interval, expected: Expectation) -> _Interval | None:
    """Return what to ask about an interval that differs, or None to read all of it."""
    rows, total, size = differs.expected, differs.total, expected.page_size
    if not differs.is_read and max(rows, total) <= size:
        return _Interval(differs.region, rows, is_read=True, counted=total)
    lower, upper = differs.region.interval("id")
    middle = expected.middle(lower, upper)
    if differs.is_read or middle is None or abs(total - rows) >= ceil(rows / size):
        return None
    below = expected.between(lower, middle)
    half = differs.region.narrowed("id", lower, middle)
    return _Interval(half, below, whole=differs, is_read=below <= size)


def _proof(region: Region, pages: Sequence[Page]) -> Proof:
    """Say what exists in a region whose pages have all been read."""
    lower, upper = region.interval("id")
    shown = {number for page in pages for number in page.ids}
    ids = sorted(number for number in shown if lower <= number <= upper)
    sent = min(page.sent for page in pages)
    return Proof(None, lower=lower, upper=upper, total=len(ids), ids=ids, sent=sent)


async def _at_once(
    ask: Ask, intervals: Sequence[_Interval], *, is_sortable: bool
) -> list[Page]:
    """Ask about several intervals; one that fails stops the others."""
    sort = "id" if is_sortable else None
    asked = [
        asyncio.ensure_future(
            ask.after(number)(interval.region, 1 if interval.is_read else COUNT, sort)
        )
        for number, interval in enumerate(intervals)
    ]
    try:
        return [await answer for answer in asked]
    finally:
        for answer in asked:
            answer.cancel()
