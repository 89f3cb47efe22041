"""Reads a closed region that the API sorts: all pages at once.

The promise is that of `tap_ft42.reading.reads`.

**Proof.** Let a row *r* be missing on every page. It lies behind page 1 (a row has no
rank before the first) and before the last page (there are as many pages as the total of page
1, the earliest answer, demands). So there is a *k* such that *r* lay behind page *k* when page
*k* was made, and before page *k+1* when page *k+1* was made. Between these two moments a row
left, and the key of *r* lies between the last key of page *k* and the first key of page *k+1*.
Now the API counts the total of an answer before it reads the answer's rows (its paging
library does so). Take any answer that was asked for after page *k+1* had come. If its total is
that of page *k*, no row left in between, and the border of the two pages is proven. If its
total is smaller, the gap between the keys is read again, as its own region. All pages may be in
flight at once; the order of their answers does not matter.

If rows of one instant lie on both sides of a border, and the API sorts by that instant alone,
each page may show them in another order. Pages have as many places as there are rows, so each
row that is missing has left its place to a row that came twice. So if any row came twice, the
rows at such borders are read again, by id.

The last borders are proven by the number of rows. If there are as many different rows as the
first answer counts, and all other pages were asked for after it, these are all rows, as a
closed region wins none. Otherwise one more request proves them: for the page behind the last
one. This request is also sent if the last page is full, as a total that stops at a maximum
would hide further rows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from itertools import count
from math import inf

from tap_ft42.api.page import Page
from tap_ft42.declared.listing import ID
from tap_ft42.reading.asking import Ask, IncompleteReadError, Part
from tap_ft42.reading.paging import PagesRead, all_pages, one_page, tells_order
from tap_ft42.reading.piecewise import read_piecewise
from tap_ft42.reading.regions import Key, Region


async def read_in_order(
    ask: Ask, region: Region, key: Key, head: Page | None = None, *, is_part: bool = False
) -> AsyncIterator[Part]:
    """Read a closed region sorted by a key, all pages at once.

    Args:
        ask: Asks for pages.
        region: The rows to read.
        key: The key by which they are sorted.
        head: The first page, if it has been read already.
        is_part: Whether the list shows rows outside of this region.

    Yields:
        The pages in ascending order, and the pages of each gap as soon as it is known.

    Raises:
        IncompleteReadError: The API shows no row, though it counts some.
        RangeIgnoredError: The API does not narrow the list.
    """
    walk = _Walk(region, key)
    async for page in all_pages(ask, region, order_by(key), walk.seen, head):
        if not walk.takes(page):
            break
        yield Part(page)
        async for part in walk.proven_by(page, ask.after(walk.number)):
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
    """Prove the borders that the pages of a sorted region have not proven."""
    region, key, seen, number = walk.region, walk.key, walk.seen, walk.number
    _, upper = region.interval(key)
    again, rest = ask, ask.after(number + 1)
    while walk.borders.are_open and not walk.has_all:
        # This page may have been asked for with the others. Then it proves nothing later.
        again = again.again()
        witness = await one_page(again, region, number + 1, order_by(key))
        if seen.add(witness):
            yield Part(witness)
        async for part in walk.proven_by(witness, rest):
            yield part
    async for part in _read_gaps(rest, region, key, walk.doubted, seen):
        yield part
    if seen.shown or seen.is_counted or is_part:
        is_doubtful = not seen.is_counted
        if is_doubtful:
            # If a row left while pages were on their way, their totals differ only this once.
            counted = await one_page(rest.again(), region, 1, order_by(key))
            is_doubtful = not seen.is_what_counts(counted)
        yield Part(None, reached=upper, is_doubtful=is_doubtful)
        return
    async for part in read_piecewise(rest, region, key):
        yield part


async def _read_gaps(
    ask: Ask, region: Region, key: Key, gaps: Sequence[tuple[int, int]], seen: PagesRead
) -> AsyncIterator[Part]:
    """Read between and behind pages whose totals prove nothing."""
    for number, gap in enumerate(gaps):
        between = region.narrowed(key, *gap)
        async for part in _by_keys(ask.after(number), between, key):
            if part.page is not None and seen.add_from_gap(part.page):
                yield Part(part.page)


class _Walk:
    """The progress through the pages of a sorted region."""

    def __init__(self, region: Region, key: Key) -> None:
        self.region = region
        self.key: Key = key
        self.seen = PagesRead()
        self.borders = _Borders(region, key)
        self.last, self._upper = region.interval(key)
        self.number = 0
        self.is_sorted = True
        """Whether the API really sorts the list."""
        self.stands_still = False
        """Whether the second page repeats the first one: the API ignores page numbers."""
        self._before: Page | None = None
        self._answered = inf
        self._is_first_earliest = True

    def takes(self, page: Page) -> bool:
        """Go on to the next page; return whether it is in order."""
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
        # A page behind those that the total demands has no border: it is only a witness.
        if before is not None and (keys or self.number <= self.seen.pages_told):
            first = keys[0] if keys else self._upper + 1
            self.borders.add(_Border(before, page, self.last, first))
        self.last = keys[-1] if keys else self.last
        self._before = page
        return self.is_sorted

    async def proven_by(self, witness: Page, ask: Ask) -> AsyncIterator[Part]:
        """Prove borders by an answer; yield and account for what lies in their gaps."""
        async for part in self.borders.prove(ask, witness):
            if part.page is not None:
                self.seen.add_from_gap(part.page)
            yield part

    @property
    def has_all(self) -> bool:
        """Whether there are as many rows as the first answer counts, and room for more."""
        has_room = self._before is not None and self._before.count < self._before.size
        is_counted = self.seen.is_counted and self.seen.has_all
        return has_room and is_counted and self._is_first_earliest

    @property
    def doubted(self) -> Sequence[tuple[int, int]]:
        """The keys where rows may be missing, though totals deny it; each once."""
        seen, believed = self.seen, self.borders.believed
        if not seen.is_counted or seen.is_given_up:
            _, upper = self.region.interval(self.key)
            behind = self.last + 1 if self.key == ID and seen.shown else self.last
            return [*believed, *([(behind, upper)] if behind <= upper else [])]
        # Rows of one instant may be in another order on each page.
        ties = [(first, last) for first, last in believed if last <= first + 1]
        return list(dict.fromkeys(ties)) if seen.repeats_rows else []

    @property
    def is_by_keys(self) -> bool:
        """Whether to ask for the rest by keys: there are no totals, or no page numbers."""
        is_uncounted = self.number == 1 and self.seen.first is None
        return self.is_sorted and (is_uncounted or self.stands_still)


@dataclass(frozen=True, slots=True)
class _Border:
    """The border between one page and the next one."""

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
        """Gaps between pages where only totals prove that no row is missing."""

    @property
    def are_open(self) -> bool:
        """Whether some borders are not proven yet."""
        return bool(self._open)

    def add(self, border: _Border) -> None:
        """Add a border that has to be proven."""
        self._open.append(border)

    def reached(self, last: int) -> int:
        """Return the key up to which no row is missing; pages were read up to `last`."""
        return self._open[0].last if self._open else last

    async def prove(self, ask: Ask, witness: Page) -> AsyncIterator[Part]:
        """Prove the borders for which an answer is a witness, or read their gaps."""
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
            # If the gap is as wide as the region in time, ids narrow it.
            by: Key = "id" if between == self._region else key
            async for part in read_in_order(ask.after(number), between, by, is_part=True):
                yield Part(part.page)


async def _by_keys(
    ask: Ask, region: Region, key: Key, page: Page | None = None
) -> AsyncIterator[Part]:
    """Ask for the rows behind the last key, again and again, until there are none.

    Without totals it is not known how many pages there are, or whether a row left between two
    pages. So each page is the first page of its own region.

    Args:
        ask: Asks for pages.
        region: The rows to read.
        key: The key by which they are sorted.
        page: The first page, if it has been yielded already.

    Raises:
        IncompleteReadError: Rows do not show their keys.
        RangeIgnoredError: The API does not narrow the list.
    """
    lower, upper = region.interval(key)
    for number in count(1):
        rest = ask.after(number)
        if page is None:
            page = await one_page(rest, region, 1, order_by(key))
            yield Part(page, reached=lower)
        keys = page.keys(key)
        if page.count > len(page.unshown) and not keys:
            message = f"its rows have no {key}, by which they are read"
            raise IncompleteReadError(message)
        if not keys:
            return
        if not (page.ascends(key) and tells_order(page, key)):
            async for part in read_piecewise(rest.after(1), region, key, is_part=True):
                yield part
            return
        # A page may begin before the lower bound, as windows are widened by a millisecond.
        first, last = max(keys[0], lower), max(keys[-1], lower)
        if key != ID and first == last:
            moment = region.narrowed(key, last, last + 1)
            async for part in read_in_order(rest.after(1), moment, "id", is_part=True):
                yield Part(part.page)
        lower = last + 1 if key == ID or first == last else last
        if lower > upper:
            return
        region, page = region.narrowed(key, lower, upper), None


def order_by(key: Key) -> str:
    """Return the parameter ``sort``; with equal keys, the id decides the order."""
    return ID if key == ID else f"{key},{ID}"
