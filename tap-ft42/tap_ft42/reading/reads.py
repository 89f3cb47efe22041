"""How a list is read completely while its rows move, whatever the API tells of it.

The API pages by offset: page *k* of a list of size *s* holds the rows of ranks
*s(k-1)+1* to *sk* at the moment of the answer. A row that leaves the list shifts
all rows behind it, and a reader who asks for page *k+1* after that never sees the
one that slipped from page *k+1* to page *k*.

**Promise.** Each row that is in a region when its read begins and still is when
the read ends is yielded at least once; or the read ends with `IncompleteReadError`.

**Closed regions.** Every region that is read here can lose rows but win none: a
window of the cursor whose upper bound lies in the past (a change moves a row
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

Keys are ids, or instants of the cursor in milliseconds. The database is more precise than
that: a row shown at .123 may lie behind .123, so where two regions of time meet
they share their bound, and a gap ends a millisecond later.

**Rows over totals.** A total may be wrong: capped, or one of pages, of rows twice, of
rows that are not shown. But in a closed region no more rows can be shown than the first
total says, and no fewer than the last one. Where they are, totals prove nothing, and
rows alone do. In order, what lies between two pages is asked for by its keys until
the API shows nothing more. Without order, two reads that saw the same ids saw all: let
the first row that slipped in the second read do so because *x* left, which had been seen;
what made a row slip in the first read had left before the second, which so lacks it. If
totals and rows disagree even then, a part says that it `is_doubtful`: what the API shows
has been read, but what it does not show need not be gone.

**Every read ends.** A list ends with a page that brings no row which those before it had
not. A region is only ever cut into smaller ones, down to a single id, of which one answer
tells all. And a read is given up, as nobody can vouch for it, once more requests than

    200 + 8 * (pages that brought a row which the read had not seen before)

brought none. What is on its way then comes on top: as many as the pipeline sends at once.
A list that turns out to ignore ranges is read as a whole then, with a bound of its own.

**What nobody can see.** An answer that says of itself that it is whole is believed: its
total is the number of its rows, and ``X-Per-Page`` has room for more. So is a list without
totals that shows the same few rows on its second page, and a page whose rows lie by chance
in the order that was asked for.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from itertools import count
from math import ceil
from typing import TYPE_CHECKING

from tap_ft42.declared.listing import ID
from tap_ft42.reading.ahead import in_turn
from tap_ft42.reading.asking import (
    IncompleteReadError,
    Metered,
    Part,
    RangeIgnoredError,
    TooDearError,
)
from tap_ft42.reading.paging import Seen, all_pages, one_page
from tap_ft42.reading.regions import MAX_ID, Region

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from tap_ft42.api.page import Page
    from tap_ft42.reading.asking import Ask
    from tap_ft42.reading.regions import Key

LONG_SLICE = 500
"""Pages of a slice of a sorted list: deeper offsets cost the API more."""

SHORT_SLICE = 20
"""Pages of a slice of a list without order, which may have to be read again."""

_LOST = 10
"""Rows that even a short list may lose while it is read."""

_MOST_SLICES = 1000
_TRIES = 10


async def read_list(
    ask: Ask, region: Region | None = None, *, is_sortable: bool
) -> AsyncIterator[Part]:
    """Read a whole list, or a region that the API narrows no further.

    Such a list may also win rows, so a small risk remains: a row that comes and
    another one that goes in the same second between two pages. The next full
    read brings what was missed then.

    Args:
        ask: Asks for pages.
        region: Which rows; None for all.
        is_sortable: Whether the API sorts the list by id.

    Yields:
        Its pages, once or several times.

    Raises:
        IncompleteReadError: It was another one in each of ten reads, or it shows less
            than it counts on pages that are all the same.
    """
    ask = Metered(ask)
    sort = "id" if is_sortable else None
    before = None
    for attempt in range(_TRIES):
        seen = Seen()
        async for page in all_pages(ask.after(attempt), region or Region(), sort, seen):
            yield Part(page)
        is_alike, before = seen.ids == before, seen.ids
        if not seen.is_cut_off and (seen.is_steady or is_alike):
            yield Part(None, is_doubtful=not seen.is_steady)
            return
        if is_alike:
            message = (
                f"the API counts {seen.last or 'more'} rows, and shows {seen.shown} of them "
                "on every page"
            )
            raise IncompleteReadError(message)
    message = f"the list was another one in each of {_TRIES} reads"
    raise IncompleteReadError(message)


async def read_from_scratch(
    ask: Ask, region: Region, *, is_sortable: bool, window: Region | None = None
) -> AsyncIterator[Part]:
    """Read a region slice by slice in the order of ids, which no update changes.

    Args:
        ask: Asks for pages.
        region: Which rows; if they cannot be sorted, closed by a window.
        is_sortable: Whether the API sorts the list by id.
        window: The same rows by the list's cursor, where the API has no ranges of ids.

    Yields:
        Its pages; what is reached are ids.

    Raises:
        IncompleteReadError: Nobody can tell whether these are all its rows.
    """
    try:
        async for part in _from_scratch(Metered(ask), region, is_sortable=is_sortable):
            yield part
    except RangeIgnoredError as ignored:
        again = ask.after(_MOST_SLICES)
        if ignored.key == ID and window is not None:
            parts = read_window(again, window, is_sortable=is_sortable)
        else:
            parts = _regardless(again, region.without(ignored.key), is_sortable=is_sortable)
        async for part in parts:
            yield replace(part, reached=None)


async def read_window(
    ask: Ask,
    region: Region,
    *,
    is_sortable: bool,
    accepts: Callable[[Page], bool] | None = None,
) -> AsyncIterator[Part]:
    """Read a window of a list's cursor, the oldest changes first.

    Args:
        ask: Asks for pages.
        region: A window that is closed.
        is_sortable: Whether the API sorts the list.
        accepts: Whether it is worth its cost, judged by the first page; None if so.

    Yields:
        Its pages; what is reached are instants.

    Raises:
        TooDearError: It is not.
        IncompleteReadError: Nobody can tell whether these are all its rows.
    """
    read = read_in_order if is_sortable else read_piecewise
    within = Metered(ask)
    (key,) = region.bounds
    try:
        head = await one_page(within, region, 1, _sort(key) if is_sortable else None)
        if accepts is not None and not accepts(head):
            raise TooDearError
        async for part in read(within, region, key, head):
            yield part
    except RangeIgnoredError as ignored:
        rest = region.without(ignored.key)
        async for part in _regardless(ask.after(_MOST_SLICES), rest, is_sortable=is_sortable):
            yield part


async def _regardless(ask: Ask, region: Region, *, is_sortable: bool) -> AsyncIterator[Part]:
    """Read a region as a whole, or more than that if it is not narrowed even so far."""
    try:
        async for part in read_list(ask, region, is_sortable=is_sortable):
            yield part
    except RangeIgnoredError as ignored:
        rest = region.without(ignored.key)
        async for part in _regardless(ask.after(_MOST_SLICES), rest, is_sortable=is_sortable):
            yield part


async def _from_scratch(
    ask: Metered, region: Region, *, is_sortable: bool
) -> AsyncIterator[Part]:
    head = await one_page(ask, region, 1, "-id" if is_sortable else None)
    lower, upper = region.interval("id")
    is_descending = head.ids and list(head.ids) == sorted(head.ids, reverse=True)
    if is_sortable and is_descending and (_tells_order(head) or head.more):
        slices = list[Region]()
        # A row may have come between count and rows, and pushed out another one.
        if not _is_all(head) and head.ids[-1] > lower:
            # Ids are given away in ascending order: below this one no row appears.
            rest = region.narrowed("id", lower, head.ids[-1] - 1)
            slices = rest.cut("id", _parts(head, LONG_SLICE, most=head.ids[0]))
        readings = [
            read_in_order(ask.after(number), piece, "id", is_part=True)
            for number, piece in enumerate(slices, 1)
        ]
        async for part in _slices(ask, head, readings):
            yield part
        is_short = head.total is None or len(ask.ids) < max(head.total, 2)
        if not _tells_order(head) and is_short and head.ids[0] < upper:
            # Others may have greater ids.
            beyond = region.narrowed("id", head.ids[0] + 1, upper)
            rest_of_it = read_piecewise(ask.after(len(slices) + 1), beyond, "id", is_part=True)
            async for part in rest_of_it:
                yield Part(part.page)
        yield Part(head, is_descending=True)
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
        readings = [
            read_piecewise(ask.after(number), piece, "id", is_part=True)
            for number, piece in enumerate(slices, 1)
        ]
        async for part in _slices(ask, head, readings):
            yield part


async def _slices(
    ask: Metered, head: Page, slices: Sequence[AsyncIterator[Part]]
) -> AsyncIterator[Part]:
    """Read the slices of a list, and hold what they have against what the whole counts."""
    is_doubtful = False
    async for part in in_turn(slices):
        is_doubtful |= part.is_doubtful
        yield part
    shown, are_empty = len(ask.ids), len(ask.ids) == len(set(head.ids))
    # A list does not lose half of its rows while it is read.
    if (are_empty or not is_doubtful) and 2 * shown + _LOST < (head.total or 0):
        message = f"the API counts {head.total} rows, and shows {shown}"
        raise IncompleteReadError(message)


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
    async for page in all_pages(ask, region, _sort(key), walk.seen, head):
        if not walk.takes(page):
            break
        yield Part(page)
        async for part in walk.borders.prove(ask.after(walk.number), page):
            yield part
        yield Part(None, reached=walk.borders.reached(walk.last))
        if walk.has_no_totals:
            break
    if not walk.is_sorted:
        rest = read_piecewise(ask.after(walk.number), region, key, is_part=is_part)
    elif walk.has_no_totals:
        rest = _by_keys(ask, region, key, page)
    else:
        rest = _concluded(ask, walk, is_part=is_part)
    async for part in rest:
        yield part
    if walk.has_no_totals:
        yield Part(None, reached=region.interval(key)[1])


async def _concluded(ask: Ask, walk: _Walk, *, is_part: bool) -> AsyncIterator[Part]:
    """Prove what the pages of a sorted region have left open."""
    region, key, seen, number = walk.region, walk.key, walk.seen, walk.number
    _, upper = region.interval(key)
    if walk.borders.are_open:
        witness = await one_page(ask, region, number + 1, _sort(key))
        if seen.add(witness):
            yield Part(witness)
        async for part in walk.borders.prove(ask.after(number + 1), witness):
            yield part
    if not seen.is_counted or seen.is_given_up:
        behind = walk.last + 1 if key == ID and seen.shown else walk.last
        gaps = [*walk.borders.believed, *([(behind, upper)] if behind <= upper else [])]
        async for part in _read_gaps(ask.after(number + 2), region, key, gaps, seen):
            yield part
    if seen.shown or seen.is_counted or is_part:
        yield Part(None, reached=upper, is_doubtful=not seen.is_counted)
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
        self._before: Page | None = None

    def takes(self, page: Page) -> bool:
        """Go on to the next page, and tell whether it is in order."""
        before, keys = self._before, page.keys(self.key)
        self.number += 1
        is_unchanged = before is not None and before.total == page.total
        falls_back = is_unchanged and bool(keys) and keys[0] < self.last
        self.is_sorted = page.ascends(self.key) and not falls_back
        # A page behind those that the total calls for has no border: it is a witness.
        if before is not None and (keys or self.number <= self.seen.pages_told):
            first = keys[0] if keys else self._upper + 1
            self.borders.add(_Border(before, page, self.last, first))
        self.last = keys[-1] if keys else self.last
        self._before = page
        return self.is_sorted

    @property
    def has_no_totals(self) -> bool:
        """Whether the first page tells no total."""
        return self.is_sorted and self.number == 1 and self.seen.first is None


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
        """The keys between pages of which nothing but totals says that no row is there."""

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

    Yields:
        The pages.

    Raises:
        IncompleteReadError: Rows do not show their keys.
        RangeIgnoredError: The API does not narrow the list.
    """
    lower, upper = region.interval(key)
    for number in count(1):
        if page is None:
            page = await one_page(ask.after(2 * number), region, 1, _sort(key))
            yield Part(page, reached=lower)
        keys = page.keys(key)
        if page.count and not keys:
            message = f"its rows have no {key}, by which they are read"
            raise IncompleteReadError(message)
        if not keys:
            return
        if not (page.ascends(key) and _tells_order(page)):
            async for part in read_piecewise(
                ask.after(2 * number + 1), region, key, is_part=True
            ):
                yield part
            return
        first, last = keys[0], keys[-1]
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


async def read_piecewise(
    ask: Ask, region: Region, key: Key, head: Page | None = None, *, is_part: bool = False
) -> AsyncIterator[Part]:
    """Read a closed region in no order, in pieces small enough to be read at once.

    Args:
        ask: Asks for pages.
        region: Which rows.
        key: The key by which it is cut into pieces.
        head: Its first page, if that has been read.
        is_part: Whether it is a part of a list that shows rows elsewhere.

    Yields:
        The pages of each piece, and after each piece that it is complete.

    Raises:
        IncompleteReadError: The API shows no row, though it counts some.
        RangeIgnoredError: The API does not narrow the list.
    """
    _, upper = region.interval(key)
    head = head or await one_page(ask, region, 1, None)
    seen, keys = Seen(), list[int]()
    most = 1 if (head.total or 0) > SHORT_SLICE * head.size else 2 * SHORT_SLICE
    async for page in all_pages(ask, region, None, seen, head, most=most):
        keys.extend(page.keys(key))
        yield Part(page)
    is_point = key == ID and not region.is_divisible(key)
    is_complete = is_point or (seen.is_over and seen.has_all) or region.is_filled_by(seen.ids)
    is_doubtful = False
    if not is_complete and seen.is_worth_another_look:
        again, known = Seen(), len(seen.ids)
        async for page in all_pages(ask.after(most), region, None, again, most=most):
            if seen.ids.update(page.ids):
                yield Part(page)
        is_alike = len(again.ids) == known == len(seen.ids)
        if is_alike and not (known or is_part or again.has_all) and again.last == seen.last:
            await _refuse_hidden(ask.after(most + 1), region, again.last)
        is_complete = again.is_over and (again.has_all or is_alike)
        is_doubtful = not again.has_all and again.last is not None
    if is_complete:
        yield Part(None, reached=upper, is_doubtful=is_doubtful)
        return
    is_part = is_part or seen.shown > 0
    if not region.is_divisible(key):
        # More rows in a millisecond than a page holds: a batch edit.
        async for part in read_piecewise(ask.after(most + 1), region, "id", is_part=is_part):
            yield replace(part, reached=None)
        yield Part(None, reached=upper)
        return
    halves = region.halved(key, keys) if seen.is_over else None
    pieces = halves or region.cut(key, max(2, _parts(head, SHORT_SLICE)))
    async for part in in_turn(
        read_piecewise(ask.after(most + 1 + number), piece, key, is_part=is_part)
        for number, piece in enumerate(pieces)
    ):
        yield part


def _tells_order(page: Page) -> bool:
    """Tell whether a page can show that a list is sorted: one row of several does not."""
    return page.count != 1 or _is_all(page)


def _is_all(page: Page) -> bool:
    """Tell whether a first page has all rows, and room for more."""
    return page.is_whole and page.count < page.size


async def _refuse_hidden(ask: Ask, region: Region, total: int | None) -> None:
    """Look at a region for the third time, whose total says twice that it hides its rows.

    Raises:
        IncompleteReadError: It does. Twice in a row, the only row may have left between the
            count and the rows; a third time is no chance.
    """
    page = await one_page(ask, region, 1, None)
    if not page.count and page.total == total:
        message = f"the API counts {total} rows, and shows none"
        raise IncompleteReadError(message)


def _parts(head: Page, pages: int, most: int = MAX_ID) -> int:
    """Return how many slices of so many pages a list makes that has so many rows at most."""
    if head.total is None:
        return 2
    return max(1, min(ceil(min(head.total, most) / (pages * head.size)), _MOST_SLICES))


def _sort(key: Key) -> str:
    """Return the order in which rows of equal keys have a place of their own, too."""
    return ID if key == ID else f"{key},{ID}"
