"""How rows that disappeared are found without reading those that did not.

An account says which rows a list should have. One request says how many rows lie in an
interval of ids, or of days: its total. If the two agree, the interval is done. If not, the
interval is halved so that both halves fill pages, and only the lower half is asked for: the
rest of the total is the upper half's. An interval that fits in a page is read. The page proves
which ids exist in it.

So one disappearance among *p* pages costs the total, ``log2(p)`` counts and a page. Where more
rows differ than there are pages, the interval is read as a whole.

**What a count cannot see.** A row that disappeared and another one that entered the list
unnoticed, with an old id, cancel each other out. A rolling read (`read_sector`) finds these.

**Moments.** If a row disappears between two answers, the upper half seems to have one more
than it has. Then that half is read in vain, or the next census finds the row. No interval is
ever proven by subtraction, only by a page that was read.

**Contradictions.** Nothing follows from totals that contradict each other or the rows. What
was found there is passed on as doubtful, and a later census looks again.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, count
from math import ceil, inf
from sys import maxsize

from tap_ft42.declared.listing import ID
from tap_ft42.reading.ahead import in_turn
from tap_ft42.reading.asking import COUNT, Ask, IncompleteReadError, Metered, Part, Spent
from tap_ft42.reading.in_order import read_in_order
from tap_ft42.reading.piecewise import read_piecewise
from tap_ft42.reading.regions import Key, RangeIgnoredError, Region
from tap_ft42.reading.whole import read_list

_AT_ONCE = 8
"""Intervals that are asked for at once: two a second, and four seconds an answer."""

_LONGEST_WAY = 10

_SPARE, _FACTOR = 16, 4
"""To read a range, so many requests may be sent, and so many more a page."""


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


@dataclass(frozen=True)
class Expectation:
    """How many rows a list should have between which keys.

    Attributes:
        firsts: Ascending keys: ids, or the first instants of days.
        rows: Rows from each of them to the next one.
        page_size: Rows a page.
    """

    firsts: Sequence[int]
    rows: Sequence[int]
    page_size: int = 1

    @cached_property
    def _before(self) -> list[int]:
        return list(accumulate(self.rows, initial=0))

    def between(self, lower: int, upper: int) -> int:
        """Return how many rows are expected in a closed interval."""
        first, end = self._places(lower, upper)
        return self._before[end] - self._before[first]

    def middle(self, lower: int, upper: int, most: float = inf) -> int | None:
        """Return where to cut a closed interval, so that both parts fill pages.

        Args:
            lower: Its lowest key.
            upper: Its highest key.
            most: Pages of the lower part, at most; half of them if that is less.

        Returns:
            The highest key of the lower part; None if there is nothing to cut.
        """
        first, end = self._places(lower, upper)
        if end - first <= 1:
            return None
        pages = ceil((self._before[end] - self._before[first]) / self.page_size)
        pages = int(min(ceil(pages / 2), max(most, 1)))
        half = self._before[first] + self.page_size * pages
        cut = bisect_right(self._before, half, first, end) - 1
        return self.firsts[min(max(cut, first + 1), end - 1)] - 1

    def _places(self, lower: int, upper: int) -> tuple[int, int]:
        return bisect_left(self.firsts, lower), bisect_right(self.firsts, upper)


@dataclass(frozen=True, slots=True)
class Interval:
    """A closed interval whose total is known."""

    region: Region
    expected: int
    """Rows that it should have."""
    total: int
    """Rows that it has."""

    def pages(self, page_size: int) -> int:
        """Return how many pages show all of its rows."""
        return ceil(max(self.expected, self.total) / page_size)


@dataclass(frozen=True, slots=True)
class Differing(Part):
    """Intervals that have other rows than expected."""

    intervals: Sequence[Interval] = ()
    is_cut: bool = False
    """Whether there are others, for which too few requests are left."""


async def count_all(ask: Ask, region: Region) -> AsyncIterator[Proof]:
    """Ask how many rows a region has, and yield the proof.

    Raises:
        UncountableError: The API tells no totals of this list.
        RangeIgnoredError: It does not narrow the list by the region.
    """
    page = await ask(region, COUNT, None)
    if strangers := region.strangers(page):
        raise RangeIgnoredError(key=next(iter(strangers)))
    if page.total is None:
        raise UncountableError
    lower, upper = region.interval(ID)
    yield Proof(None, lower=lower, upper=upper, total=page.total, sent=page.sent)


async def find_differing(
    ask: Ask, whole: Interval, expected: Expectation, *, key: Key = ID, most: int = maxsize
) -> AsyncIterator[Part]:
    """Yield the smallest intervals that have other rows than expected, as they are found.

    Args:
        ask: Asks for totals.
        whole: The interval to search.
        expected: How many rows it should have, by key.
        key: The key.
        most: Requests that may be sent, to read the found intervals as well. Intervals that
            are open then stay open.

    Raises:
        UncountableError: The API tells no totals of this list.
        RangeIgnoredError: It does not narrow the list by the key.
    """
    left, is_cut = most, False
    todo, news = list[tuple[Interval, int]](), [whole]
    for turn in count():
        found = list[Interval]()
        for one in news:
            if one.expected == one.total:
                continue
            pages = one.pages(expected.page_size)
            needed = pages + (pages > 1)  # the borders of several pages take one to be proven
            dense = abs(one.total - one.expected) >= ceil(one.expected / expected.page_size)
            is_small = pages <= 1 or (dense and needed <= left)
            # If many rows are gone, the lower part is as long as requests allow.
            room = left - 2 if dense else inf
            middle = expected.middle(*one.region.interval(key), room)
            if middle is not None and not is_small:
                todo.append((one, middle))
            elif needed <= left:
                left -= needed
                found.append(one)
            else:
                is_cut = True
        if found:
            yield Differing(None, intervals=found)
        # With few requests left, one interval is halved to its end, not many halfway.
        width = min(_AT_ONCE, max(1, left // _LONGEST_WAY))
        asking = todo[-width:] if left > 0 else []
        if not asking:
            yield Differing(None, is_cut=is_cut or bool(todo))
            return
        del todo[-len(asking) :]
        left -= len(asking)
        halves = [
            one.region.narrowed(key, one.region.interval(key)[0], middle)
            for one, middle in asking
        ]
        after = ask.after(turn)
        counts = (count_all(after.after(number), half) for number, half in enumerate(halves))
        totals = [count.total async for count in in_turn(counts, _AT_ONCE)]
        news = []
        for (one, middle), half, total in zip(asking, halves, totals, strict=True):
            rows = expected.between(*half.interval(key))
            if total > one.total:
                yield Part(None, is_doubtful=True)
                continue
            rest = one.region.narrowed(key, middle + 1, one.region.interval(key)[1])
            news.append(Interval(half, rows, total))
            news.append(Interval(rest, one.expected - rows, one.total - total))


async def read_sector(ask: Ask, region: Region, *, pages: int) -> AsyncIterator[Part]:
    """Read a closed interval: yield its pages, then a proof of its rows, or a doubt.

    Args:
        ask: Asks for pages.
        region: The interval, of ids or of instants.
        pages: How many it should have: at most 16 requests and 4 a page are sent.

    Raises:
        UncountableError: The API tells no totals of this list.
        RangeIgnoredError: It does not narrow the list by the key.
    """
    read = read_in_order if ask.route.facts.is_sortable else read_piecewise
    within, key = Metered(ask, Spent(_SPARE + _FACTOR * pages)), next(iter(region.bounds))
    try:
        async for part in _proven(read(within, region, key), region):
            yield part
    except IncompleteReadError:
        yield Part(None, is_doubtful=True)


async def read_whole(ask: Ask, region: Region, *, pages: int) -> AsyncIterator[Part]:
    """Read a whole list that no range narrows, and prove which rows a region of it has.

    Raises:
        UncountableError: The API tells no totals of this list.
        IncompleteReadError: Nobody can tell whether these are all its rows.
    """
    # A list that is in motion at two readings is so at the next ones: the next night tells.
    within = Metered(ask, Spent(_SPARE + 2 * pages))
    async for part in _proven(read_list(within), region):
        yield part


async def _proven(parts: AsyncIterator[Part], region: Region) -> AsyncIterator[Part]:
    """Yield the pages of a read, then a proof of which rows a region has, or a doubt."""
    shown, sent, is_doubtful = set[int](), inf, False
    async for part in parts:
        is_doubtful |= part.is_doubtful
        if part.page is not None:
            if part.page.total is None:
                raise UncountableError
            shown.update(part.page.ids)
            sent = min(sent, part.page.sent)
            yield part
    lower, upper = region.interval(ID)
    ids = sorted(number for number in shown if lower <= number <= upper)
    proof = Proof(None, lower=lower, upper=upper, total=len(ids), ids=ids, sent=sent)
    yield Part(None, is_doubtful=True) if is_doubtful else proof
