"""Reads the pages of a list to its end, and keeps account of their rows and totals."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from itertools import count
from math import ceil

from tap_ft42.api.page import Page
from tap_ft42.declared.listing import LOST
from tap_ft42.reading.asking import Ask
from tap_ft42.reading.ids import IdSet
from tap_ft42.reading.regions import Key, RangeIgnoredError, Region

_AT_ONCE = 64
"""Pages of a list that are asked for before the first of them is consumed."""

_MOST_IN_VAIN = 3
"""After so many pages in a row without new rows, the list has ended."""


class PagesRead:
    """An account of the pages of a list: their rows and totals."""

    def __init__(self) -> None:
        self.ids = IdSet()
        self.shown = 0
        """Rows; a row that came twice counts twice."""
        self.first: int | None = None
        """The total of the first page."""
        self.last: int | None = None
        """The total of the last page."""
        self.pages_told = 0
        """Pages of the list, by the total of the first page."""
        self.is_over = False
        """Whether the list has ended."""
        self.is_given_up = False
        """Whether the list ended earlier than its total demands."""
        self._pages = self._fruitful = self._without_id = 0
        self._is_unchanged = True
        self._shown_first = 0
        self._is_first_full = False
        self._is_oversized = False
        self._is_last_full = False
        self._repeats = False
        self._body = b""

    def add(self, page: Page) -> bool:
        """Account for a page; return whether it brings a new row."""
        if not self._pages:
            self.first = page.total
            self.pages_told = ceil((page.total or 0) / page.size)
            self._shown_first = page.count
            self._is_first_full = page.count >= page.size
            self._is_oversized = page.is_oversized
        self.last = page.total
        self._is_unchanged &= page.total == self.first
        if page.count:
            self._is_last_full = page.count >= page.size
        without_id = page.count - len(page.ids)
        is_new = bool(self.ids.update(page.ids) or (without_id and page.body != self._body))
        self._body = page.body
        self._pages += 1
        self._fruitful += is_new
        self._without_id += without_id
        # If a page repeats another one, perhaps the API ignores page numbers.
        self.shown += page.count if is_new else 0
        self._repeats = page.count > 0 and not is_new
        return is_new

    def add_from_gap(self, page: Page) -> bool:
        """Account for rows from between the pages; return whether there are new ones."""
        if not self.shown:
            self.last = page.total
        found = self.ids.update(page.ids)
        self.shown += found
        return found > 0

    @property
    def is_counted(self) -> bool:
        """Whether the number of shown rows fits the totals of a list that may lose rows."""
        if self.first is None or self.last is None or self.is_one_page_again:
            return False
        return self.last <= self.shown <= self.first

    def is_what_counts(self, page: Page) -> bool:
        """Tell whether a later total fits the shown rows, of which some may have left."""
        if page.total is None:
            return False
        were_there = self._distinct <= (self.first or 0)
        return page.total <= self._distinct and (
            were_there or self._distinct - LOST <= page.total
        )

    @property
    def repeats_rows(self) -> bool:
        """Whether a row came on several pages."""
        return self.shown > self._distinct

    @property
    def has_all(self) -> bool:
        """Whether no row is missing, if the list won no rows in the meantime."""
        if self.first is None:
            return not self.shown
        if self.is_one_page_again:
            return False
        if self._fruitful <= 1 and self._shown_first == self.first:
            return True  # one answer is one moment
        return self._distinct == self.first

    @property
    def exceeds_total(self) -> bool:
        """Whether more rows came than were counted: the total stops at a maximum."""
        return self.first is not None and len(self.ids) > self.first + LOST

    @property
    def is_steady(self) -> bool:
        """Whether no row is missing, as the list did not change."""
        return (self.first is None or self.has_all) and self._is_unchanged

    @property
    def is_cut_off(self) -> bool:
        """Whether the list shows fewer rows than it has, as far as known."""
        if self.first is None or self.last is None:
            return self.is_one_page_again
        is_short = self._distinct < self.last and (self._repeats or not self.shown)
        is_short |= self._ends_full and self._distinct + LOST < self.last
        return is_short or self.is_one_page_again

    @property
    def _ends_full(self) -> bool:
        """Whether no row follows a full page, which would be rare if some were only counted."""
        return self._fruitful > 0 and self._is_last_full

    @property
    def is_worth_another_look(self) -> bool:
        """Whether totals prove nothing, so a second read that is the same would be a proof."""
        if not self.is_over or (self._repeats and self.is_cut_off):
            return False
        if self._ends_full and self._distinct < (self.last or 0):
            return False
        if self.first is None or self._fruitful <= 1:
            return True
        return self._distinct > self.first

    @property
    def is_one_page_again(self) -> bool:
        """Whether a full page is followed by the same rows: the API ignores page numbers.

        An answer with more rows than were asked for is not a page, but the whole list.
        """
        is_full = self._is_first_full and not self._is_oversized
        return self._fruitful == 1 and self._repeats and is_full

    @property
    def is_shuffled(self) -> bool:
        """Whether pages repeat rows, and others are missing: each page has its own order."""
        is_short = self.repeats_rows and (self.last or 0) > self._distinct
        return is_short and self._fruitful > 1  # one answer is one moment

    def is_filled_by(self, ids: IdSet) -> bool:
        """Tell whether the list counts exactly as many rows as these ids."""
        return self._is_unchanged and len(ids) + self._without_id == self.first

    @property
    def _distinct(self) -> int:
        return len(self.ids) + self._without_id


async def one_page(ask: Ask, region: Region, number: int, sort: str | None) -> Page:
    """Ask for a page of a region, and check that its rows lie in the region.

    Raises:
        RangeIgnoredError: They do not.
    """
    page = await ask(region, number, sort)
    for key in region.strangers(page):
        raise RangeIgnoredError(key=key)
    return page


async def all_pages(  # noqa: PLR0913 - the request, and the account of its answers
    ask: Ask,
    region: Region,
    sort: str | None,
    seen: PagesRead,
    head: Page | None = None,
    *,
    most: int | None = None,
) -> AsyncIterator[Page]:
    """Ask for the pages of a list until it ends, and yield them in order.

    The pages that the first total demands are asked for at once. More pages follow one by one,
    as long as they bring new rows and are full, or contradict the totals.

    Args:
        ask: Asks for pages.
        region: The rows to read.
        sort: The value of the parameter ``sort``.
        seen: The account; a page is added to it before it is yielded.
        head: The first page, if it has been read already.
        most: The greatest number of pages; None for no limit.
    """
    page = head or await one_page(ask, region, 1, sort)
    size = page.size
    in_vain, asked = 0, 1
    ahead: deque[asyncio.Future[Page]] = deque()
    try:
        for number in count(1):
            in_vain = 0 if seen.add(page) else in_vain + 1
            is_last = in_vain or (seen.is_counted and page.count < size)
            seen.is_given_up = in_vain >= _MOST_IN_VAIN and number < seen.pages_told
            seen.is_over = (
                seen.is_given_up
                or not seen.shown
                or bool(number >= seen.pages_told and is_last)
            )
            yield page
            if seen.is_over or number == most:
                return
            while asked <= number or (asked < seen.pages_told and len(ahead) < _AT_ONCE):
                asked += 1
                ahead.append(asyncio.ensure_future(one_page(ask, region, asked, sort)))
            page = await ahead.popleft()
    finally:
        for answer in ahead:
            answer.cancel()


def tells_order(page: Page, key: Key) -> bool:
    """Tell whether a page can show that a list is sorted; rows of a single key cannot."""
    return len(set(page.keys(key))) != 1 or is_all(page)


def is_all(page: Page) -> bool:
    """Tell whether a first page has all rows, and room for more.

    One answer is one moment of the database, so nothing can have moved.
    """
    return not page.more and page.count < page.size
