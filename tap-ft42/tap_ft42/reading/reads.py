"""Reads a list completely while its rows move, whatever the API says about it.

The API pages by offset: page *k* of a list of size *s* holds the rows of ranks
*s(k-1)+1* to *sk* at the moment of the answer. A row that leaves the list shifts
all rows behind it. Then one row slips from page *k+1* to page *k*, and a reader who asks for
page *k+1* after that never sees it.

**Promise.** Each row that is in a region when its read begins, and still is when the read
ends, is yielded at least once. Otherwise the read ends with `IncompleteReadError`.

**Closed regions.** Every region that is read here can lose rows, but cannot win any. It is a
window of the cursor whose upper bound lies in the past (a change moves a row out of it, into
the next window), or an interval of ids that ends below an id that is already in use. So the
rank of a row can only fall, and so can the total of each answer.

**One page** is one moment: no row can slip. `tap_ft42.reading.in_order` proves how pages in
order keep the promise, and `tap_ft42.reading.piecewise` how pages without order do.

Keys are ids, or instants of the cursor in milliseconds. The database is more precise: a row
that is shown at .123 may lie behind .123. So two regions of time that meet share their bound,
and a gap ends a millisecond later.

**Rows count more than totals.** A total may be wrong: it may stop at a maximum, or count pages,
or rows twice, or rows that are not shown. But in a closed region the number of shown rows is
at most the first total, and at least the last one. If it is not, totals prove nothing, and
only rows do. With order, the rows between two pages are asked for by their keys until the API
shows nothing more. Without order, two reads that saw the same ids saw all rows. Suppose that
a row slipped in the first read, and take the first one that did: it slipped because a row *x*
left that this read had seen. The second read cannot see *x*, so the two reads differ. If totals
and rows disagree even then, a part `is_doubtful`: all rows that the API shows have been read,
but a row that it does not show need not have disappeared.

**Every read ends.** A list ends with a page that brings no new row. A region is only cut into
smaller ones, down to a single id, for which one answer is enough. And a read is given up, as
its rows cannot be proven, once more requests than

    200 + 8 * (pages that brought a row which the read had not seen before)

brought no new row. Requests that are on their way at that moment come on top: as many as the
pipeline sends at once. If a list turns out to ignore ranges, it is read as a whole, with its
own bound.

**What cannot be detected.** An answer that claims to be whole is believed: its total is the
number of its rows, and ``X-Per-Page`` has room for more. So is a list without totals that shows
the same few rows on its second page, and a page whose rows by chance have the order that was
asked for.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from functools import partial
from math import ceil

from tap_ft42.api.page import Page
from tap_ft42.declared.listing import ID, LOST
from tap_ft42.reading.ahead import in_turn
from tap_ft42.reading.asking import Ask, IncompleteReadError, Metered, Part, TooDearError
from tap_ft42.reading.in_order import order_by, read_in_order
from tap_ft42.reading.newest import OutOfOrderError, read_newest
from tap_ft42.reading.paging import is_all, one_page, tells_order
from tap_ft42.reading.piecewise import MOST_SLICES, SHORT_SLICE, read_piecewise, slices_of
from tap_ft42.reading.regions import Key, RangeIgnoredError, RangeTooWideError, Region
from tap_ft42.reading.whole import read_list

LONG_SLICE = 500
"""Pages of a slice of a sorted list: deeper offsets cost the API more."""

_FEW_PIECES = 3
"""So few pieces are read without a test whether the whole list has fewer pages."""

_FAR = (10, 200)
"""Page numbers that are tried to estimate the size of a list without totals."""


async def read_from_scratch(
    ask: Ask,
    region: Region,
    *,
    window: Region | None = None,
    accepts: Callable[[Page], bool] | None = None,
) -> AsyncIterator[Part]:
    """Read a region slice by slice in the order of ids, which no update changes.

    Args:
        ask: Asks for pages.
        region: The rows to read. If they cannot be sorted, a window must close the region.
        window: The same rows as a window of the cursor, in case the API has no ranges of ids;
            None if no windows of the list are read later.
        accepts: Judges by the first page whether the read is worth its cost; None if it is.

    Yields:
        The pages; `reached` is an id.

    Raises:
        TooDearError: The read is not worth its cost.
        IncompleteReadError: It cannot be proven that these are all rows.
    """
    try:
        is_load = window is not None
        async for part in _from_scratch(Metered(ask), region, is_load=is_load, accepts=accepts):
            yield part
    except RangeIgnoredError as ignored:
        again = ask.after(MOST_SLICES)
        if ignored.key == ID and window is not None:
            parts = _by_window(again, window)
        else:
            parts = _regardless(again, region.without(ignored.key))
        async for part in parts:
            yield replace(part, reached=None)


async def _by_window(ask: Ask, window: Region) -> AsyncIterator[Part]:
    """Read a list by a window of all its rows, and test whether the window is cut silently.

    As the list has no ranges of ids, the test asks for two pages of the list without a window.
    """
    look, size, (key,) = Metered(ask), 1, window.bounds
    async for part in read_window(look, window):
        size = size if part.page is None else part.page.size
        yield part
    lower, upper = window.interval(key)
    if lower:
        return  # rows outside of the window are older
    for number in (1, len(look.ids) // size + 1):
        page = await ask.after(MOST_SLICES + number)(Region(), number, None)
        rows = zip(page.ids, page.keys(key), strict=False)
        if any(position <= upper and own not in look.ids for own, position in rows):
            ask.route.looks.note_cut(upper, is_cut=True)
            async for part in read_list(look.after(MOST_SLICES)):
                yield part
            return
    ask.route.looks.note_cut(upper, is_cut=False)


async def read_window(
    ask: Ask,
    region: Region,
    *,
    shows_key: bool = True,
    accepts: Callable[[Page], bool] | None = None,
) -> AsyncIterator[Part]:
    """Read a window of a list's cursor, the oldest changes first.

    Args:
        ask: Asks for pages.
        region: A closed window.
        shows_key: Whether the rows show the cursor; otherwise pages in its order prove nothing.
        accepts: Judges by the first page whether the read is worth its cost; None if it is.

    Yields:
        The pages; `reached` is an instant.

    Raises:
        TooDearError: The read is not worth its cost.
        IncompleteReadError: It cannot be proven that these are all rows.
    """
    facts, (key,) = ask.route.facts, region.bounds
    is_sortable = shows_key and facts.is_sortable
    read = partial(_window, is_sortable=is_sortable, accepts=accepts)
    try:
        async for part in _in_pieces(read, Metered(ask), region, key):
            yield part
    except RangeIgnoredError as ignored:
        again = ask.after(MOST_SLICES)
        for number, is_sorted in enumerate((is_sortable, False)):
            if not (is_sorted or facts.can.is_newest_first):
                break
            try:
                newest = read_newest(again.after(number), region, is_sorted=is_sorted)
                async for part in newest:
                    yield part
            except OutOfOrderError:
                continue
            return
        rest = region.without(ignored.key)
        async for part in _regardless(again.after(2), rest):
            yield part


async def _window(
    ask: Metered,
    region: Region,
    key: Key,
    *,
    is_sortable: bool,
    accepts: Callable[[Page], bool] | None,
) -> AsyncIterator[Part]:
    read = read_in_order if is_sortable else read_piecewise
    head = await one_page(ask, region, 1, order_by(key) if is_sortable else None)
    await _refuse_dear(ask, region, head, accepts)
    async for part in read(ask, region, key, head):
        yield part


async def _in_pieces(
    read: Callable[[Metered, Region, Key], AsyncIterator[Part]],
    ask: Metered,
    region: Region,
    key: Key,
) -> AsyncIterator[Part]:
    """Read a region; if a range of it is too wide, read it in pieces.

    Raises:
        RangeIgnoredError: The API does not narrow the list, or the whole list costs less.
    """
    try:
        async for part in read(ask, region, key):
            yield part
    except RangeTooWideError as wide:
        number = ceil((region.width(wide.key) + 1) / max(wide.widest, 1))
        if number > _FEW_PIECES:
            rest = region.without(wide.key)
            if await _has_fewer_pages(ask.after(MOST_SLICES), rest, number):
                raise RangeIgnoredError(key=wide.key) from wide
        pieces = region.cut(wide.key, number)
        async for part in in_turn(
            _in_pieces(read, ask.after(MOST_SLICES + after), piece, key)
            for after, piece in enumerate(pieces, 1)
        ):
            yield part if wide.key == key else replace(part, reached=None)


async def _has_fewer_pages(ask: Ask, region: Region, number: int) -> bool:
    """Tell whether a region has fewer pages than a number."""
    head = await one_page(ask, region, 1, None)
    if head.total is not None:
        return number > head.pages
    if number > MOST_SLICES or not head.more:
        return True
    return not (await one_page(ask, region, number, None)).count


async def _refuse_dear(
    ask: Metered, region: Region, head: Page, accepts: Callable[[Page], bool] | None
) -> None:
    """Refuse to read a list whose rows are not worth their requests.

    Without totals, an empty page far behind shows how many rows there are at most.

    Raises:
        TooDearError: They are not worth their requests.
    """
    if accepts is None:
        return
    if head.total is None and head.count >= head.size:
        for pages in _FAR:
            if not (await ask.after(0)(region, pages, None)).count:
                head = replace(head, total=pages * head.size)
                break
    if not accepts(head):
        raise TooDearError


async def _regardless(ask: Ask, region: Region) -> AsyncIterator[Part]:
    """Read a region as a whole; if a range of it is ignored, without this range."""
    try:
        async for part in read_list(ask, region):
            yield part
    except RangeIgnoredError as ignored:
        rest = region.without(ignored.key)
        async for part in _regardless(ask.after(MOST_SLICES), rest):
            yield part


async def _from_scratch(
    ask: Metered,
    region: Region,
    *,
    is_load: bool,
    accepts: Callable[[Page], bool] | None,
) -> AsyncIterator[Part]:
    is_sortable = ask.route.facts.is_sortable
    head = await one_page(ask, region, 1, "-id" if is_sortable else None)
    await _refuse_dear(ask, region, head, accepts)
    if is_load:  # windows will follow
        await ask.prepare(head)
    lower, upper = region.interval("id")
    is_descending = head.ids and list(head.ids) == sorted(head.ids, reverse=True)
    if is_sortable and is_descending and (tells_order(head, "id") or head.more):
        slices = list[Region]()
        # A row may have been added between count and rows, and pushed out another one.
        if not is_all(head) and head.ids[-1] > lower:
            # New rows get ascending ids, so none appears below this one.
            rest = region.narrowed("id", lower, head.ids[-1] - 1)
            slices = rest.cut("id", slices_of(head, LONG_SLICE, most=head.ids[0]))
        async for part in _slices(ask, region, head, slices, read_in_order):
            yield part
        if not tells_order(head, "id") and head.ids[0] < upper:
            # Other rows may have greater ids.
            beyond = region.narrowed("id", head.ids[0] + 1, upper)
            rest_of_it = read_piecewise(ask.after(len(slices) + 1), beyond, "id", is_part=True)
            async for part in rest_of_it:
                yield Part(part.page)
        yield Part(head, is_descending=True)
    elif head.total is None or head.pages <= SHORT_SLICE or not head.ids:
        # Rows without ids do not tell their order, so this page may overlap with others.
        begun = None if head.count and not head.ids else head
        async for part in read_piecewise(ask.after(1), region, "id", begun):
            yield part
    else:
        yield Part(head)
        newest = min(max(head.ids), upper - 1)
        slices = [
            *region.narrowed("id", lower, newest).cut("id", slices_of(head, SHORT_SLICE)),
            region.narrowed("id", newest + 1, upper),
        ]
        async for part in _slices(ask, region, head, slices, read_piecewise):
            yield part


async def _slices(
    ask: Metered,
    region: Region,
    head: Page,
    slices: Sequence[Region],
    read: Callable[..., AsyncIterator[Part]],
) -> AsyncIterator[Part]:
    """Read the slices of a list, and compare the number of their rows with the total."""
    is_doubtful, read_part = False, partial(read, is_part=True)
    readings = [
        _in_pieces(read_part, ask.after(number), piece, "id")
        for number, piece in enumerate(slices, 1)
    ]
    async for part in in_turn(readings):
        # A page has no total if totals have been found to be wrong in the meantime.
        is_untold = part.page is not None and part.page.total is None
        is_doubtful |= part.is_doubtful or is_untold
        yield part
    shown, are_empty = len(ask.ids), len(ask.ids) == len(set(head.ids))
    total = head.total or 0
    if not is_doubtful and shown + LOST + total // 100 < total <= 2 * shown + LOST:
        now = await one_page(ask.after(len(slices) + 1), region, 1, None)
        if now.total is None or shown + LOST + total // 100 < now.total:
            # They are still there, so perhaps the API cuts ranges of ids silently.
            yield Part(None, is_doubtful=True)
            raise RangeIgnoredError
    # A list does not win a tenth of its rows while it is read, and does not lose half of them.
    if head.total is not None and shown > total + LOST + total // 10:
        yield Part(None, is_doubtful=True)
    if (are_empty or not is_doubtful) and 2 * shown + LOST < total:
        message = f"the API counts {head.total} rows, and shows {shown}"
        raise IncompleteReadError(message)
