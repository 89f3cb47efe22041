"""Reads a list that nothing narrows. The promise is that of `tap_ft42.reading.reads`."""

from __future__ import annotations

from collections.abc import AsyncIterator

from tap_ft42.api.page import Page
from tap_ft42.declared.listing import ID
from tap_ft42.reading.asking import Ask, IncompleteReadError, Metered, Part
from tap_ft42.reading.ids import IdSet
from tap_ft42.reading.newest import Order
from tap_ft42.reading.paging import PagesRead, all_pages
from tap_ft42.reading.regions import Region

_TRIES = 10

_SIZES = 4
"""How often smaller pages are tried if each page has its own order."""


async def read_list(ask: Ask, region: Region | None = None) -> AsyncIterator[Part]:
    """Read a whole list, or a region that the API cannot narrow further.

    Such a list may also win rows, so a small risk remains: between two pages, one row may be
    added and another one leave in the same second. The next full read brings a row that was
    missed.

    Args:
        ask: Asks for pages.
        region: The rows to read; None for all.

    Yields:
        The pages, once or several times.

    Raises:
        IncompleteReadError: Each of ten reads found another list; or the list shows fewer rows
            than it counts, as its pages are all the same or repeat each other.
    """
    look = Metered(ask)
    sort = ID if ask.route.facts.is_sortable else None
    before, is_shuffled = None, False
    for attempt in range(_TRIES):
        seen, order = PagesRead(), Order()
        last, is_sorted = 0, sort is not None
        look = look.again() if attempt else look
        async for page in all_pages(look.after(attempt), region or Region(), sort, seen):
            order.add(page)
            is_sorted &= page.ascends(ID) and last <= min(page.ids, default=last)
            last = max(page.ids, default=last)
            yield Part(page)
        is_shuffled |= seen.is_shuffled and not is_sorted  # else they are counted twice
        if is_shuffled:
            # Pages of another size have other borders, and lack other rows.
            if seen.is_filled_by(look.ids):
                yield Part(None)
                return
            look = look.smaller()
            if attempt < _SIZES:
                continue
            message = (
                f"the API counts {seen.last} rows, and shows {len(look.ids)} of them, because "
                "it orders each page differently"
            )
            raise IncompleteReadError(message)
        is_alike, before = seen.ids == before, seen.ids
        if not seen.is_cut_off and (seen.is_steady or is_alike):
            is_newest_first = None if region is None or region.bounds else order.is_newest_first
            yield Part(None, is_doubtful=not seen.is_steady, is_newest_first=is_newest_first)
            return
        if seen.is_one_page_again and await _is_all_in_one(look.after(_TRIES), seen, sort):
            yield Part(None)
            return
        if is_alike:
            message = (
                f"the API counts {seen.last or 'more'} rows, and shows {seen.shown} of them "
                "on every page"
            )
            raise IncompleteReadError(message)
    message = f"the list changed between each of {_TRIES} reads"
    raise IncompleteReadError(message)


async def _is_all_in_one(ask: Ask, seen: PagesRead, sort: str | None) -> bool:
    """Tell whether each answer holds the whole list, even if smaller pages are asked for."""
    page = await ask.smaller()(Region(), 1, sort)
    return page.is_oversized and seen.ids == _ids_of(page)


def _ids_of(page: Page) -> IdSet:
    ids = IdSet()
    ids.update(page.ids)
    return ids
