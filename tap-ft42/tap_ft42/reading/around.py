"""Reads around rows that 42 cannot show: each page that holds one is answered with an error.

Such a page is asked for in smaller pages, down to single rows, and put together from those
that come. It has as many rows as 42 counts, but some of them are not shown. `Page.unshown`
tells where they lie: by their ids, if the list is narrowed by ids, so that a later run can ask
for these rows alone.

Answers that are put together are one moment only if no row came or left meanwhile. So all their
totals must be the same.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from http import HTTPStatus
from itertools import count, groupby
from math import ceil
from typing import Any, TypeAlias

import msgspec
import requests

from tap_ft42.api.errors import APIError, status_of
from tap_ft42.api.ledger import Entry
from tap_ft42.api.page import Page, has_id, restored_page
from tap_ft42.api.retries import RETRIED, RedirectedError, TooManyRequestsError
from tap_ft42.api.token import NoTokenError
from tap_ft42.declared.listing import ID
from tap_ft42.reading.regions import Key, RangeIgnoredError, Region
from tap_ft42.reading.source import Source

_Answer: TypeAlias = "Callable[[Region, str | None, int, int, int], Awaitable[Page | None]]"
"""Asks for a page: its rows, their order, its number, its size, and how often it is tried. None
if it fails."""

_FEW = 3
"""After so many errors for single rows, and no answer, the rows are not the reason."""

_MOST = 10
"""Percent of the rows of a page that are read around. If there are more, the list itself is in
trouble."""

_FREE = 200
"""Requests that the searches on a route may send, besides two for each of its pages. Then the
list fails, and the next run goes on where it has come to."""

_SEARCH = 100
"""Requests for the ids of the rows of a page that are not shown."""

_OTHERS = (TooManyRequestsError, RedirectedError, NoTokenError)
_PASSING = {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY}


class AroundRows:
    """Finds the rows that 42 cannot show, and reads the others."""

    def __init__(
        self,
        ask: Callable[[Callable[[], Page], Entry], Awaitable[Page]],
        retried: Callable[..., Any],
    ) -> None:
        """Prepare; nothing has failed.

        Args:
            ask: Sends a request that belongs to no read.
            retried: Wraps a function that sends a request, so that it is tried again.
        """
        self._ask = ask
        self._retried = retried
        self._routes: dict[tuple[str, str], _Route] = defaultdict(_Route)

    def expects(self, entry: Entry) -> bool:
        """Tell whether a route is known to have such rows, so that pages fail for good."""
        return bool(self._routes[entry.stream, entry.route].ids)

    def expect(self, entry: Entry, ids: Iterable[int]) -> None:
        """Take note of ids of such rows."""
        self._routes[entry.stream, entry.route].ids.update(ids)

    async def page(
        self, source: Source, request: tuple[Region, int, str | None], failure: Exception
    ) -> Page:
        """Return a page that fails, without the rows that 42 cannot show.

        Raises:
            Exception: The failure, if such rows are not its reason, or too many.
        """
        if not _may_be_of_row(failure):
            raise failure
        entry = source.route.entry
        route = self._routes[entry.stream, entry.route]
        async with route.lock:  # one page tells if the list itself is in trouble
            if route.is_in_trouble or route.sent > _FREE + 2 * entry.pages_expected:
                raise failure
            route.is_in_trouble = True
            search = _Search(partial(self._answer, source, route), source, route.ids)
            if (page := await search.page(*request)) is None:
                raise failure
            route.is_in_trouble = False
            route.ids.update(page.unshown_ids)
            return page

    async def _answer(  # noqa: PLR0913, PLR0917 - the request
        self,
        source: Source,
        route: _Route,
        region: Region,
        sort: str | None,
        number: int,
        size: int,
        tries: int = 1,
    ) -> Page | None:
        route.sent += 1
        fetch = partial(source.sized(size).fetch, region, number, sort)
        ask = self._retried(source.route.entry.stream, self._ask, max_tries=tries)
        try:
            page: Page = await ask(fetch, source.route.entry)
        except RETRIED as failure:
            if not _may_be_of_row(failure):
                raise
            return None
        return page


@dataclass
class _Route:
    """What is known of a route."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    ids: set[int] = field(default_factory=set)
    """The known ids of such rows."""
    sent: int = 0
    """Requests that searches have sent."""
    is_in_trouble: bool = False
    """Whether a search failed, or goes on."""


class _Search:
    """The search for the rows of one page that 42 cannot show."""

    def __init__(self, answer: _Answer, source: Source, known: Collection[int]) -> None:
        self._answer = answer
        self._known = known
        self._source = source
        self._facts = source.route.facts
        self._pages: list[Page] = []
        self._rows: dict[int, Any] = {}
        """The rows that came, by rank; the first rank is 0."""
        self._unshown: list[int] = []
        """The ranks of the others."""
        self._left = _SEARCH
        self._most = max(_FEW, source.size * _MOST // 100)

    async def page(self, region: Region, number: int, sort: str | None) -> Page | None:
        """Return a page, put together; None if that is not possible."""
        size, number = self._source.size if number else 1, max(number, 1)
        first, last = (number - 1) * size, number * size - 1
        ask = partial(self._answer, region, sort)
        # What is behind the page tells whether 42 is down, and where the list ends.
        if (behind := await ask(last + 2, 1, 2)) is not None:
            self._pages.append(behind)
            if not behind.count and first < (behind.total or 0):
                last = min(last, (behind.total or 0) - 1)
        await self._take(ask, first, last, min(size, last - first + 1))
        totals = {page.total for page in self._pages}
        if len(totals) != 1 or len(self._unshown) > self._most:
            return None
        ids = {rank: row[ID] for rank, row in self._rows.items() if has_id(row)}
        where: list[Region] = []
        for ranks in _runs(self._unshown):
            between = self._between(region, ranks, sort)
            found = await self._ids(between, len(ranks), is_alone=size == 1)
            falling = (sort or "").startswith("-")
            ids |= zip(ranks, reversed(found) if falling else found, strict=False)
            where += [between.narrowed(ID, one, one) for one in found] or [between]
        (total,) = totals
        page = restored_page(
            msgspec.json.encode([self._rows[rank] for rank in sorted(self._rows)]),
            self._source.route.listing.cursor,
            total=total,
            size=size,
            more=total is None or number * size < total,
            sent=min(page.sent for page in self._pages),
            answered=max(page.answered for page in self._pages),
        )
        return replace(
            page,
            count=page.count + len(self._unshown),
            ids=[ids[rank] for rank in sorted(ids)],
            unshown=[one.bounds for one in where],
        )

    async def _take(
        self,
        ask: Callable[[int, int, int], Awaitable[Page | None]],
        first: int,
        last: int,
        size: int,
    ) -> None:
        """Ask for the rows of some ranks on smaller pages than one of a size."""
        if size == 1:
            self._unshown.append(first)
            return
        size = ceil(size / 2)
        for number in range(first // size + 1, last // size + 2):
            if len(self._unshown) > (self._most if self._pages else _FEW - 1):
                return
            begins, ends = (number - 1) * size, number * size
            own = range(max(first, begins), min(last + 1, ends))
            page = await ask(number, size, 2 if size == 1 else 1)
            if page is None:
                await self._take(ask, own[0], own[-1], size)
            else:
                self._pages.append(page)
                rows = dict(zip(count(begins), page.records(), strict=False))
                self._rows |= {rank: rows[rank] for rank in own if rank in rows}

    def _between(self, region: Region, ranks: Sequence[int], sort: str | None) -> Region:
        """Return the rows of a region between those that came before and after some ranks."""
        if sort is None or not self._facts.sorts_by(sort):
            return region
        key = sort.removeprefix("-").partition(",")[0]
        if key != ID and key not in region.bounds:
            return region
        ends = [self._key(key, rank) for rank in (ranks[0] - 1, ranks[-1] + 1)]
        before, after = reversed(ends) if sort.startswith("-") else ends
        lower, upper = region.interval(key)
        apart = int(key == ID)  # rows may share an instant
        lower = lower if before is None else before + apart
        upper = upper if after is None else after - apart
        return region.narrowed(key, lower, upper) if lower <= upper else region

    def _key(self, key: Key, rank: int) -> int | None:
        """Return the key of a row that came."""
        row, cursor = self._rows.get(rank), self._source.route.listing.cursor
        if key == ID:
            return row[ID] if has_id(row) else None
        if not isinstance(row, dict) or cursor is None or cursor.column != key:
            return None
        return cursor.position(row.get(key))

    async def _ids(self, region: Region, number: int, *, is_alone: bool) -> list[int]:
        """Return the ids of the rows of a region that are not shown; none if 42 cannot tell."""
        is_known = ID in region.bounds or not is_alone
        if not (is_known and ID in self._facts.can.ranges and await self._is_narrowed(region)):
            return []
        lower, upper = region.interval(ID)
        likely = [one for one in sorted(self._known) if lower <= one <= upper]
        try:
            found = [one for one in likely if await self._page(region, one, one) is None]
            if len(found) == number:
                return found
            found = []
            while len(found) < number and lower <= upper:
                one = await self._least(region, lower, upper)
                if one is None:
                    return []
                found.append(one)
                lower = one + 1
        except RangeIgnoredError:
            return []
        return found

    async def _is_narrowed(self, region: Region) -> bool:
        """Tell whether the list is narrowed by ids: else each request for one fails, too."""
        shown = next((row[ID] for row in self._rows.values() if has_id(row)), 0)
        try:
            return await self._page(region.without(ID), shown, shown) is not None
        except RangeIgnoredError:
            return False

    async def _least(
        self, region: Region, lower: int, upper: int, *, is_here: bool = False
    ) -> int | None:
        """Return the least id of a row that is not shown; None if there is none.

        Args:
            region: The rows.
            lower: Their least id.
            upper: Their greatest id.
            is_here: Whether there is known to be one.
        """
        while not is_here or lower == upper:
            page = await self._page(region, lower, upper)
            if page is None:
                if lower == upper:
                    return lower
                break
            if not page.more:
                return None
            if not page.ids or not page.ascends(ID) or page.ids[-1] >= upper:
                break
            lower = page.ids[-1] + 1
        middle, is_here = (lower + upper) // 2, is_here or page is None
        one = await self._least(region, lower, middle)
        if one is None:
            one = await self._least(region, middle + 1, upper, is_here=is_here)
        return one

    async def _page(self, region: Region, lower: int, upper: int) -> Page | None:
        """Return the first page of an interval of ids; None if 42 does not show it.

        Raises:
            RangeIgnoredError: It does not narrow the list, or too many pages would be needed.
        """
        within, size = region.narrowed(ID, lower, upper), self._source.size
        self._left -= 1
        if self._left < 0:
            raise RangeIgnoredError
        page = await self._answer(within, ID, 1, size, 2 if lower == upper else 1)
        if page is not None and within.strangers(page):
            raise RangeIgnoredError
        return page


def _may_be_of_row(failure: BaseException) -> bool:
    """Tell whether a request may have failed because of one of the rows of its page."""
    if isinstance(failure, requests.Timeout):
        return not isinstance(failure, requests.ConnectTimeout)
    is_answer = isinstance(failure, APIError) and not isinstance(failure, _OTHERS)
    return is_answer and status_of(failure) not in _PASSING


def _runs(ranks: Sequence[int]) -> Iterator[list[int]]:
    """Yield the runs of ranks that follow each other."""
    for _, run in groupby(enumerate(ranks), lambda each: each[1] - each[0]):
        yield [rank for _, rank in run]
