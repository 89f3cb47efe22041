"""How a read asks for pages, how much it may ask for, and what it yields."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING, Protocol

from typing_extensions import override

from tap_ft42.declared.listing import ID
from tap_ft42.reading.ids import IdSet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tap_ft42.api.ledger import Entry
    from tap_ft42.api.page import Page
    from tap_ft42.reading.fitting import Fit
    from tap_ft42.reading.regions import Key, Region

COUNT = 0
"""Number of a page that is asked for its total alone."""

SPARE, FACTOR = 200, 8
"""Requests that a read may send in vain: so many, and so many a page of new rows."""


@dataclass(frozen=True, slots=True)
class Part:
    """A page that was read, or the news that a slice is complete."""

    page: Page | None
    reached: int | None = None
    """All rows of the region whose key lies below this have been yielded."""
    is_descending: bool = False
    """Whether the page is sorted the other way round than what is read."""
    is_doubtful: bool = False
    """Whether the API counts other rows than it shows."""
    is_newest_first: bool | None = None
    """Whether what was read came the latest change first; None where that was not looked at."""
    is_cut: bool | None = None
    """Whether a window of all rows has left some out in silence; None where that was not
    looked at."""


class Ask(Protocol):
    """Asks the API for a page of a region.

    Answers are buffered until they are consumed, in the order of their places:
    page 1, what comes after page 1, page 2, …
    """

    async def __call__(self, region: Region, number: int, sort: str | None) -> Page:
        """Fetch a page.

        Args:
            region: Which rows.
            number: The page's number, from 1; `COUNT` for a single row.
            sort: The value of the parameter ``sort``; None leaves it out.
        """
        ...

    def after(self, number: int) -> Ask:
        """Return an `Ask` for what is consumed between a page and its successor."""
        ...

    def again(self) -> Ask:
        """Return an `Ask` whose answers are other ones, though the requests are the same.

        A page that was read before may be kept, and proves nothing of what came after it.
        """
        ...

    def smaller(self) -> Ask:
        """Return an `Ask` for smaller pages, where there are any."""
        return self

    async def prepare(self, head: Page) -> None:
        """Find out what later windows of a list depend on, from the first page of a load."""
        ...


class IncompleteReadError(Exception):
    """Nobody can tell whether all rows of a list have been read."""


class TooDearError(Exception):
    """A list costs more requests than it is worth."""


class RangeIgnoredError(Exception):
    """The API does not narrow this list by ranges after all."""

    def __init__(self, key: Key = ID) -> None:
        super().__init__(self.__doc__)
        self.key = key


class RangeTooWideError(RangeIgnoredError):
    """The API narrows this list by shorter ranges only."""

    def __init__(self, key: Key, widest: int) -> None:
        super().__init__(key)
        self.widest = widest


class Source(ABC):
    """Where the pages of a read come from; by itself one answer that cannot be smaller."""

    @property
    def fit(self) -> Fit | None:
        """What its route was found to do; None if it has no ranges."""
        return None

    @property
    def example(self) -> int | None:
        """The id of a row that it has, if one is known."""
        return None

    @property
    @abstractmethod
    def entry(self) -> Entry:
        """Where it is counted what it asks for."""

    @abstractmethod
    def fetch(self, region: Region, number: int, sort: str | None) -> Page:
        """Ask for a page; called in a thread."""

    def recall(self, region: Region, number: int, sort: str | None) -> Page | None:  # noqa: ARG002 - for subclasses
        """Return a page that need not be asked for, or None; called in the loop."""
        return None

    def again(self) -> Source:
        """Return the same rows, looked at once more: as of `Ask.again`."""
        return self

    def smaller(self) -> Source:
        """Return the same rows on smaller pages, where there are any."""
        return self

    def fitted(self) -> Sequence[Source]:
        """Return what to read in its place, after what is known of its route."""
        return [self]

    def remedies(self, *, is_heavy: bool) -> Iterable[Remedy]:  # noqa: ARG002 - for subclasses
        """Return what to ask for instead, if it is too large.

        Args:
            is_heavy: Whether the API may have taken too long to answer.
        """
        return ()


@dataclass(frozen=True)
class Remedy:
    """Smaller requests in the place of one that may be too large.

    Attributes:
        smallest: If this one is answered, the API is not down.
        smaller: Others by their size, the largest one first.
        too_large: Says so, and remembers the size that is answered.
    """

    smallest: Source
    smaller: Sequence[tuple[int, Source]]
    too_large: Callable[[int], TooLargeError]


class TooLargeError(Exception):
    """The API answers smaller requests, but not this one."""

    def __init__(
        self, why: str, instead: Sequence[Source], learn: Callable[[], None] | None = None
    ) -> None:
        super().__init__(why)
        self.instead: Sequence[Source] = instead
        self.learn = learn


class Metered(Ask):
    """Asks as long as that brings something: the bound of a read."""

    def __init__(
        self, ask: Ask, *, most: int | None = None, account: _Account | None = None
    ) -> None:
        """Begin a read, or go on with one.

        Args:
            ask: Asks the API.
            most: Requests that it may send, if fewer than all reads may.
            account: That of the read that goes on.
        """
        self._ask = ask
        self._account = account or _Account(most)

    @property
    def ids(self) -> IdSet:
        """The ids of all rows that came."""
        return self._account.ids

    @override
    async def __call__(self, region: Region, number: int, sort: str | None) -> Page:
        account = self._account
        if account.is_used_up:
            message = f"{account.in_vain} requests for more of its rows brought none"
            raise IncompleteReadError(message)
        page = await self._ask(region, number, sort)
        if account.ids.update(page.ids):
            account.fruitful += 1
        else:
            account.in_vain += 1
        return page

    @override
    def after(self, number: int) -> Metered:
        return Metered(self._ask.after(number), account=self._account)

    @override
    def again(self) -> Metered:
        return Metered(self._ask.again(), account=self._account)

    @override
    def smaller(self) -> Metered:
        return Metered(self._ask.smaller(), account=self._account)

    @override
    async def prepare(self, head: Page) -> None:
        await self._ask.prepare(head)


@dataclass
class _Account:
    """What a read has asked for and got."""

    most: int | None
    ids: IdSet = field(default_factory=IdSet)
    in_vain: int = 0
    fruitful: int = 0

    @property
    def is_used_up(self) -> bool:
        if self.most is not None and self.in_vain + self.fruitful >= self.most:
            return True
        return self.in_vain > SPARE + FACTOR * self.fruitful


def halves_of(number: int) -> Iterator[int]:
    """Yield the half of a number, the half of that, and so on, but not one."""
    while (number := ceil(number / 2)) > 1:
        yield number
