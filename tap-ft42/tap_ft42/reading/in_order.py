"""Reads a closed region that the API sorts: all pages at once.

The promise is that of `tap_ft42.reading.reads`.

**Proof.** Let a row *r* be missed by every page. It lies behind page 1 (a row has no
rank before the first) and before the last one (there are as many pages as page 1, the
earliest answer, calls for). So there is a *k* such that *r* lay behind page *k* when
that was made and before page *k+1* when that was made: between these two moments a row
left, and the key of *r* lies between the last of page *k* and the first of page *k+1*.
Now the API counts the total of an answer before it reads the answer's rows (its paging
library does). So if any answer that was asked for after page *k+1* had come states the
total of page *k*, no row left in between, and the border of the two pages is proven.
Where it states less, the gap between their keys is read again, as a region of its own.
All pages may be in flight at once; the order of their answers does not matter.

Where rows of one instant lie on both sides of a border, and the API sorts by that instant
alone, each page may have them in another order. As pages have as many ranks as there are rows,
each row that is missed then has left its place to one that came twice. So if any did, what
lies at such borders is read again, by id.

The last borders are proven by their number: if there are as many different rows as the first
answer counts, and all other pages were asked for after it, these are all, as a closed region
wins none. Else one more request proves them, for the page behind the last. So it does where
the last page is full: a total that is capped would hide what follows.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import count
from math import inf
from typing import TYPE_CHECKING

from tap_ft42.declared.listing import ID
from tap_ft42.reading.asking import IncompleteReadError, Part
from tap_ft42.reading.paging import Seen, all_pages, one_page, tells_order
from tap_ft42.reading.piecewise import read_piecewise

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from tap_ft42.api.page import Page
    from tap_ft42.reading.asking import Ask
    from tap_ft42.reading.regions import Key, Region


async def read_in_order(
    ask: Ask, region: Region, key: Key, head: Page | None = None, *, is_part: bool = False
) -> AsyncIterator[Part]:
    """Read a closed region sorted by a key, all pages at once.

    Args:
        ask: Asks for pages.
        region: Which rows.
        key: The key that they are sorted by.
        head: Its first page, if that has been read.
        is_part: Whether it is a part of a list that shows rows elsewhere.

    Yields:
        The pages in ascending order, and each gap as soon as it is known to be one.

    Raises:
        IncompleteReadError: The API shows no row, though it counts some.
        RangeIgnoredError: The API does not narrow the list.
    """
    walk = _Walk(region, key)
    async for page in all_pages(ask, region, order_by(key), walk.seen, head):
        if not walk.takes(page):
            break
        yield Part(page)
        async for part in walk.borders.prove(ask.after(walk.number), page):
            yield part
        yield Part(None, reached=walk.borders.reached(walk.last))
        if walk.is_by_keys:
            break
    if not walk.is_sorted:
        rest = read_piecewise(ask.after(walk.number), region, key, is_part=is_part)
    elif walk.is_by_keys:
        rest = _by_keys(ask, region, key, page)
    else:
        rest = _concluded(ask, walk, is_part=is_part)
    async for part in rest:
        yield part
    if walk.is_by_keys:
        yield Part(None, reached=region.interval(key)[1], is_doubtful=walk.stands_still)


async def _concluded(ask: Ask, walk: _Walk, *, is_part: bool) -> AsyncIterator[Part]:
    """Prove what the pages of a sorted region have left open."""
    region, key, seen, number = walk.region, walk.key, walk.seen, walk.number
    _, upper = region.interval(key)
    again = ask
    while walk.borders.are_open and not walk.has_all:
        # It may have been asked for with the others, and then says nothing of what came since.
        again = again.again()
        witness = await one_page(again, region, number + 1, order_by(key))
        if seen.add(witness):
            yield Part(witness)
        async for part in walk.borders.prove(ask.after(number + 1), witness):
            yield part
    async for part in _read_gaps(ask.after(number + 2), region, key, walk.doubted, seen):
        yield part
    if seen.shown or seen.is_counted or is_part:
        is_doubtful = not seen.is_counted
        if is_doubtful:
            # A row that left while pages were on their way puts their totals out for once.
            counted = await one_page(ask.after(number + 3).again(), region, 1, order_by(key))
            is_doubtful = not seen.is_what_counts(counted)
        yield Part(None, reached=upper, is_doubtful=is_doubtful)
        return
    async for part in read_piecewise(ask.after(number + 3), region, key):
        yield part


async def _read_gaps(
    ask: Ask, region: Region, key: Key, gaps: Sequence[tuple[int, int]], seen: Seen
) -> AsyncIterator[Part]:
    """Read between and behind pages whose totals prove nothing."""
    for number, gap in enumerate(gaps):
        between = region.narrowed(key, *gap)
        async for part in _by_keys(ask.after(number), between, key):
            if part.page is not None and seen.add_from_gap(part.page):
                yield Part(part.page)


class _Walk:
    """How far the pages of a sorted region have come."""

    def __init__(self, region: Region, key: Key) -> None:
        self.region = region
        self.key: Key = key
        self.seen = Seen()
        self.borders = _Borders(region, key)
        self.last, self._upper = region.interval(key)
        self.number = 0
        self.is_sorted = True
        """Whether the API sorts the list after all."""
        self.stands_still = False
        """Whether the second page is the first one again, as if it had no number."""
        self._before: Page | None = None
        self._answered = inf
        self._is_first_earliest = True

    def takes(self, page: Page) -> bool:
        """Go on to the next page, and tell whether it is in order."""
        before, keys = self._before, page.keys(self.key)
        self.number += 1
        if before is None:
            self._answered = page.answered
        else:
            self._is_first_earliest &= page.sent >= self._answered
        is_unchanged = before is not None and before.total == page.total
        if before is not None and self.number == len((before, page)):
            self.stands_still = bool(keys) and page.ids == before.ids
        falls_back = is_unchanged and bool(keys) and keys[0] < self.last
        falls_back &= not self.stands_still
        self.is_sorted = page.ascends(self.key) and not falls_back
        # A page behind those that the total calls for has no border: it is a witness.
        if before is not None and (keys or self.number <= self.seen.pages_told):
            first = keys[0] if keys else self._upper + 1
            self.borders.add(_Border(before, page, self.last, first))
        self.last = keys[-1] if keys else self.last
        self._before = page
        return self.is_sorted

    @property
    def has_all(self) -> bool:
        """Whether there are as many rows as the first answer counts, and room for more."""
        has_room = self._before is not None and self._before.count < self._before.size
        is_counted = self.seen.is_counted and self.seen.has_all
        return has_room and is_counted and self._is_first_earliest

    @property
    def doubted(self) -> Sequence[tuple[int, int]]:
        """The keys where rows may be missing, though totals deny it; each once."""
        seen, believed, (_, upper) = (
            self.seen,
            self.borders.believed,
            self.region.interval(self.key),
        )
        if not seen.is_counted or seen.is_given_up:
            behind = self.last + 1 if self.key == ID and seen.shown else self.last
            return [*believed, *([(behind, upper)] if behind <= upper else [])]
        # Rows of one instant may be in another order on each page.
        ties = [(first, last) for first, last in believed if last <= first + 1]
        return list(dict.fromkeys(ties)) if seen.repeats_rows else []

    @property
    def is_by_keys(self) -> bool:
        """Whether what follows is asked for by its keys: nobody counts, or numbers, pages."""
        is_uncounted = self.number == 1 and self.seen.first is None
        return self.is_sorted and (is_uncounted or self.stands_still)


@dataclass(frozen=True, slots=True)
class _Border:
    """Where one page ends and the next one begins."""

    before: Page
    after: Page
    last: int
    first: int

    def gap(self, key: Key, upper: int) -> tuple[int, int] | None:
        """Return the keys that may lie between the two pages."""
        if key != ID:
            is_gap = self.last <= self.first
            return (self.last, min(self.first + 1, upper)) if is_gap else None
        return (self.last + 1, self.first - 1) if self.last + 1 < self.first else None


class _Borders:
    """The borders of the pages of a region."""

    def __init__(self, region: Region, key: Key) -> None:
        self._region = region
        self._key: Key = key
        self._open: deque[_Border] = deque()
        self.believed: list[tuple[int, int]] = []
        """The keys between pages where only totals say that no row is missing."""

    @property
    def are_open(self) -> bool:
        """Whether some are not proven yet."""
        return bool(self._open)

    def add(self, border: _Border) -> None:
        """Add one that has to be proven."""
        self._open.append(border)

    def reached(self, last: int) -> int:
        """Return the key up to which nothing is missing, if pages were read up to one."""
        return self._open[0].last if self._open else last

    async def prove(self, ask: Ask, witness: Page) -> AsyncIterator[Part]:
        """Prove the borders that a later answer can speak for, or read their gaps."""
        number, key = 0, self._key
        _, upper = self._region.interval(key)
        while self._open and witness.sent >= self._open[0].after.answered:
            border = self._open.popleft()
            gap = border.gap(key, upper)
            if gap is None:
                continue
            if border.before.total is not None and border.before.total == witness.total:
                self.believed.append(gap)
                continue
            number += 1
            between = self._region.narrowed(key, *gap)
            # What is no smaller in time is so in ids, as its rows lie between others.
            by: Key = "id" if between == self._region else key
            async for part in read_in_order(ask.after(number), between, by, is_part=True):
                yield Part(part.page)


async def _by_keys(
    ask: Ask, region: Region, key: Key, page: Page | None = None
) -> AsyncIterator[Part]:
    """Ask for what lies behind the last key, again and again, until nothing does.

    Without totals nobody can tell how many pages there are, nor whether a row
    left between two of them: so each is the first one of a region of its own.

    Args:
        ask: Asks for pages.
        region: Which rows.
        key: The key that they are sorted by.
        page: Its first page, if that has been yielded.

    Raises:
        IncompleteReadError: Rows do not show their keys.
        RangeIgnoredError: The API does not narrow the list.
    """
    lower, upper = region.interval(key)
    for number in count(1):
        if page is None:
            page = await one_page(ask.after(2 * number), region, 1, order_by(key))
            yield Part(page, reached=lower)
        keys = page.keys(key)
        if page.count and not keys:
            message = f"its rows have no {key}, by which they are read"
            raise IncompleteReadError(message)
        if not keys:
            return
        if not (page.ascends(key) and tells_order(page)):
            async for part in read_piecewise(
                ask.after(2 * number + 1), region, key, is_part=True
            ):
                yield part
            return
        # A page may begin before the instant from which it was asked for.
        first, last = max(keys[0], lower), max(keys[-1], lower)
        if key != ID and first == last:
            moment = region.narrowed(key, last, last + 1)
            async for part in read_in_order(
                ask.after(2 * number + 1), moment, "id", is_part=True
            ):
                yield Part(part.page)
        lower = last + 1 if key == ID or first == last else last
        if lower > upper:
            return
        region, page = region.narrowed(key, lower, upper), None


def order_by(key: Key) -> str:
    """Return the order in which rows of equal keys have a place of their own, too."""
    return ID if key == ID else f"{key},{ID}"
