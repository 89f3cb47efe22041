"""Reads a closed region without order, as some routes document none.

The promise is that of `tap_ft42.reading.reads`.

**Proof.** A closed region wins no rows. So all rows have been seen if there are as many
distinct ids as the first answer's total. Otherwise the region is halved and read again, down
to single pages.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from math import ceil

from tap_ft42.api.page import Page
from tap_ft42.declared.listing import ID
from tap_ft42.reading.ahead import in_turn
from tap_ft42.reading.asking import Ask, IncompleteReadError, Part
from tap_ft42.reading.paging import PagesRead, all_pages, one_page
from tap_ft42.reading.regions import MAX_ID, Key, Region

SHORT_SLICE = 20
"""Pages of a slice of a list without order; such a slice may have to be read again."""

MOST_SLICES = 1000
"""Slices of a list, at most."""


async def read_piecewise(
    ask: Ask, region: Region, key: Key, head: Page | None = None, *, is_part: bool = False
) -> AsyncIterator[Part]:
    """Read a closed region without order, in pieces that are small enough.

    Args:
        ask: Asks for pages.
        region: The rows to read.
        key: The key by which it is cut into pieces.
        head: The first page, if it has been read already.
        is_part: Whether the list shows rows outside of this region.

    Yields:
        The pages of each piece, and a part without page when a piece is complete.

    Raises:
        IncompleteReadError: The API shows no row, though it counts some.
        RangeIgnoredError: The API does not narrow the list.
    """
    _, upper = region.interval(key)
    head = head or await one_page(ask, region, 1, None)
    seen, keys = PagesRead(), list[int]()
    is_long = head.total is not None and head.pages > SHORT_SLICE
    most = 1 if is_long else 2 * SHORT_SLICE
    rest = ask.after(most + 1)
    async for page in all_pages(ask, region, None, seen, head, most=most):
        keys.extend(page.keys(key))
        yield Part(page)
    is_point = key == ID and not region.is_divisible(key)
    is_complete = is_point or (seen.is_over and seen.has_all) or region.is_filled_by(seen.ids)
    is_doubtful = False
    if not is_complete and seen.is_worth_another_look:
        again, known = PagesRead(), len(seen.ids)
        async for page in all_pages(ask.after(most).again(), region, None, again, most=most):
            if seen.ids.update(page.ids):
                yield Part(page)
        is_alike = len(again.ids) == known == len(seen.ids)
        if is_alike and not (known or is_part or again.has_all) and again.last == seen.last:
            await _refuse_hidden(rest.again().again(), region, again.last)
        is_complete = again.is_over and (again.has_all or is_alike)
        is_doubtful = not again.has_all and again.last is not None
    if is_complete:
        yield Part(None, reached=upper, is_doubtful=is_doubtful)
        return
    yield Part(None, is_doubtful=seen.exceeds_total)
    is_part = is_part or seen.shown > 0
    if not region.is_divisible(key):
        # One millisecond has more rows than a page: they changed together.
        async for part in read_piecewise(rest, region, "id", is_part=is_part):
            yield replace(part, reached=None)
        yield Part(None, reached=upper)
        return
    pieces = _pieces(region, key, head, keys, is_over=seen.is_over)
    async for part in in_turn(
        read_piecewise(rest.after(number), piece, key, is_part=is_part)
        for number, piece in enumerate(pieces)
    ):
        yield part


def _pieces(
    region: Region, key: Key, head: Page, seen: Sequence[int], *, is_over: bool
) -> Sequence[Region]:
    """Cut a region into smaller ones.

    Args:
        region: The region.
        key: The key by which it is cut.
        head: Its first page.
        seen: The keys of the rows that came.
        is_over: Whether all of its pages were asked for.
    """
    if is_over:
        return region.halved(key, seen)
    if head.total is None:
        # Nobody knows how many rows there are, or where. Those that came are a sample.
        return region.cut_around(key, seen)
    # Most of a region may lie above all rows: ids reach far beyond the greatest one.
    lower, upper = region.interval(key)
    top = max(seen, default=upper)
    if 2 * (top - lower) < upper - lower:
        return region.halved(key, [top])
    return region.cut(key, max(2, slices_of(head, SHORT_SLICE)))


async def _refuse_hidden(ask: Ask, region: Region, total: int | None) -> None:
    """Ask a third time for a region that twice counted rows, but showed none.

    Twice, the only row may have left between the count and the rows; a third time is no chance.

    Raises:
        IncompleteReadError: The region hides its rows.
    """
    page = await one_page(ask, region, 1, None)
    if not page.count and page.total == total:
        message = f"the API counts {total} rows, and shows none"
        raise IncompleteReadError(message)


def slices_of(head: Page, pages: int, most: int = MAX_ID) -> int:
    """Return how many slices of `pages` pages a list has; it has `most` rows at most."""
    if head.total is None:
        return 2
    return max(1, min(ceil(min(head.total, most) / (pages * head.size)), MOST_SLICES))
