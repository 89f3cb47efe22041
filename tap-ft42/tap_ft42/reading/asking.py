"""Interfaces of reads: how they ask for pages, the limit of their requests, their parts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from math import ceil
from typing import Protocol

from typing_extensions import override

from tap_ft42.api.page import Page
from tap_ft42.reading.ids import IdSet
from tap_ft42.reading.regions import Region
from tap_ft42.reading.route import Route

COUNT = 0
"""The page number that means: only the total is wanted."""

SPARE, FACTOR = 200, 8
"""Requests that a read may send in vain: 200, and 8 more for each page of new rows."""


@dataclass(frozen=True, slots=True)
class Part:
    """A page that was read, or a note that a slice is complete."""

    page: Page | None
    reached: int | None = None
    """All rows of the region whose key lies below this have been yielded."""
    is_descending: bool = False
    """Whether the page is sorted in the opposite order of the read."""
    is_doubtful: bool = False
    """Whether the API counts other rows than it shows."""
    is_newest_first: bool | None = None
    """Whether the list had the latest change first; None if that was not tested."""


class Ask(Protocol):
    """Asks the API for a page of a region.

    Answers are buffered until they are consumed, in the order of their places: page 1, the
    answers after page 1, page 2, …
    """

    async def __call__(self, region: Region, number: int, sort: str | None) -> Page:
        """Fetch a page.

        Args:
            region: The rows to read.
            number: The number of the page, from 1; `COUNT` for a single row.
            sort: The value of the parameter ``sort``; None for no such parameter.
        """
        ...

    @property
    def route(self) -> Route:
        """The route of the list, with what it was found to do."""
        ...

    def after(self, number: int) -> Ask:
        """Return an `Ask` for answers that are consumed between a page and the next one."""
        ...

    def again(self) -> Ask:
        """Return an `Ask` for new answers to the same requests.

        A page in the spool is older than its request, so it proves nothing later.
        """
        ...

    def smaller(self) -> Ask:
        """Return an `Ask` for smaller pages, if that is possible."""
        return self

    async def prepare(self, head: Page) -> None:
        """Find out how wide later windows of a list may be, from the first page of a load."""
        ...


class IncompleteReadError(Exception):
    """It cannot be proven that all rows of a list have been read."""


class TooDearError(Exception):
    """A list costs more requests than it is worth."""


@dataclass
class Spent:
    """The requests of a read, and the ids that it got."""

    most: int | None = None
    """Requests that it may send; None for the usual limit."""
    ids: IdSet = field(default_factory=IdSet)
    in_vain: int = 0
    fruitful: int = 0

    @property
    def is_used_up(self) -> bool:
        """Whether the read may send no more."""
        if self.most is not None and self.in_vain + self.fruitful >= self.most:
            return True
        return self.in_vain > SPARE + FACTOR * self.fruitful


@dataclass(frozen=True)
class Metered(Ask):
    """Limits the requests of a read: it may not send too many without new rows."""

    ask: Ask
    spent: Spent = field(default_factory=Spent)

    @property
    def ids(self) -> IdSet:
        """The ids of all rows that have come."""
        return self.spent.ids

    @property
    @override
    def route(self) -> Route:
        return self.ask.route

    @override
    async def __call__(self, region: Region, number: int, sort: str | None) -> Page:
        spent = self.spent
        if spent.is_used_up:
            message = f"{spent.in_vain} requests for more of its rows brought none"
            raise IncompleteReadError(message)
        page = await self.ask(region, number, sort)
        if spent.ids.update(page.ids):
            spent.fruitful += 1
        else:
            spent.in_vain += 1
        return page

    @override
    def after(self, number: int) -> Metered:
        return replace(self, ask=self.ask.after(number))

    @override
    def again(self) -> Metered:
        return replace(self, ask=self.ask.again())

    @override
    def smaller(self) -> Metered:
        return replace(self, ask=self.ask.smaller())

    @override
    async def prepare(self, head: Page) -> None:
        await self.ask.prepare(head)


def halves_of(number: int) -> Iterator[int]:
    """Yield the half of a number, the half of that, and so on, but not one."""
    while (number := ceil(number / 2)) > 1:
        yield number
