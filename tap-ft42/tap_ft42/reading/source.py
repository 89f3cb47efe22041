"""A list of the API as a run reads it: asked for, or recalled from the spool."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from math import ceil
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from typing_extensions import override

from tap_ft42.api.errors import FatalAPIError, blamed_by, may_be_of_page, may_be_too_long
from tap_ft42.api.ledger import route_of
from tap_ft42.reading.asking import (
    COUNT,
    IncompleteReadError,
    Part,
    RangeIgnoredError,
    RangeTooWideError,
    Remedy,
    Source,
    TooLargeError,
)
from tap_ft42.reading.fitting import Fit
from tap_ft42.reading.places import NOW
from tap_ft42.reading.reads import read_from_scratch, read_list
from tap_ft42.reading.regions import Region
from tap_ft42.reading.spool import FRESH

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
    from datetime import date

    from tap_ft42.api.client import Client
    from tap_ft42.api.ledger import Entry, Ledger
    from tap_ft42.api.page import Page
    from tap_ft42.declared.contexts import Context
    from tap_ft42.declared.listing import Listing
    from tap_ft42.reading.asking import Ask
    from tap_ft42.reading.pipeline import Pipeline, Reading
    from tap_ft42.reading.places import Place
    from tap_ft42.reading.regions import Key
    from tap_ft42.reading.spool import Spool

ONE = 1
"""Size of a page that is asked for its total."""


@dataclass(frozen=True)
class ListSource(Source):
    """Some rows of a list, and what is left on disk of them.

    Attributes:
        reader: Reads the list.
        url: Where it is.
        query: Parameters that select its rows.
        plan: Name of the plan in the spool; None if its pages are not kept.
        size: Rows a page.
        route: The route of the list, with names in braces.
        look: How often the read has looked at these rows before.
    """

    reader: ListReader
    url: str
    query: Mapping[str, Any]
    plan: str | None
    size: int
    route: str = field(repr=False)
    look: int = 0

    @cached_property
    @override
    def entry(self) -> Entry:
        route = route_of(self.route, urlsplit(self.url).path)
        return self.reader.ledger.entry(self.reader.listing.name, route)

    @override
    def recall(self, region: Region, number: int, sort: str | None) -> Page | None:
        if self.plan is None:
            return None
        request = self._request(self.params(region, number, sort))
        return self.reader.spool.recall(self.plan, request, self.reader.listing.cursor)

    @override
    def fetch(self, region: Region, number: int, sort: str | None) -> Page:
        for key in region.bounds:
            if not self.fit.narrows_by(key):
                raise RangeIgnoredError(key=key)
            widest = self.fit.can.widest_ranges.get(key)
            if widest is not None and region.width(key) > widest:
                raise RangeTooWideError(key=key, widest=widest)
        # While it is on its way another one may find out that the order is refused.
        order = sort if self.fit.sorts_by(sort) else None
        try:
            page = self._fetched(region, number, order)
        except FatalAPIError as refusal:
            if number > 1 and may_be_of_page(refusal):
                # Behind the last page. The first one tells how many rows there are.
                page = self._fetched(region, 1, order).holding([])
            else:
                page = self._fetched_with_less(region, number, order, refusal)
        for key, strangers in region.strangers(page).items():
            if 2 * strangers > page.count:
                self.fit.unnarrowed(key)
        self._compare_changes(region, number, page)
        if self.plan is not None:
            self.reader.spool.keep(
                self.plan, self._request(self.params(region, number, sort)), page
            )
        return page

    def _compare_changes(self, region: Region, number: int, page: Page) -> None:
        """Look whether a range counts that rows do not show, where it has many of them.

        Raises:
            RangeIgnoredError: It has as many as the whole list.
        """
        changes = self.reader.listing.changes
        if changes is None or changes.column not in region.bounds:
            return
        if number == 1 and page.more and page.total is not None:
            whole = self._fetched(region.without(changes.column), 1, None)
            if whole.total == page.total:
                self.fit.unnarrowed(changes.column)
                raise RangeIgnoredError(key=changes.column)

    def _fetched(self, region: Region, number: int, order: str | None) -> Page:
        params = self.params(region, number, order)
        with self.entry.request():
            page = self.reader.client.fetch(self.reader.listing, self.url, params)
        self.entry.take(page)
        if page.ids:
            self.reader.examples[self._rows] = page.ids[0]
        return page.untold() if self.fit.can.totals == "wrong" else page

    def _fetched_with_less(
        self, region: Region, number: int, order: str | None, refusal: FatalAPIError
    ) -> Page:
        """Ask for a page that was refused without what the API may refuse of it.

        Raises:
            FatalAPIError: It refuses all of it.
            RangeIgnoredError: It refuses a range.
            TooLargeError: It may refuse so many ids.
        """
        less, notes = region, list[Callable[[], None]]()
        while True:
            blamed = blamed_by(refusal)
            if order is not None and "sort" in blamed:
                note = partial(self.fit.unsorted, order)
                order = None
            elif less.bounds and "range" in blamed:
                key = next((key for key in less.bounds if key in str(refusal)), None)
                key = key or next(iter(less.bounds))
                self._refuse_wide(less, key, order)
                note, less = partial(self.fit.unnarrowed, key), less.without(key)
            elif may_be_too_long(refusal) and len(self._ids[1]) > 1:
                raise self._too_long(why=str(refusal)) from refusal
            else:
                raise refusal
            is_named = len(blamed) == 1
            try:
                page = self._fetched(less, number, order)
            except FatalAPIError as another:
                refusal = another
                notes += [note] if is_named else []
                continue
            notes.append(note)
            for learn in notes:
                learn()
            for key in region.bounds.keys() - less.bounds.keys():
                raise RangeIgnoredError(key=key)
            return page

    def _refuse_wide(self, region: Region, key: Key, order: str | None) -> None:
        """Find out whether a range was refused because of its width, and of which one is not.

        Raises:
            RangeTooWideError: It was.
        """
        width, (_, upper) = region.width(key), region.interval(key)
        if width <= self.fit.can.widest_ranges.get(key, 0):
            return
        is_answered = False
        for narrower in (0, *halves_of(width)):
            try:
                self._fetched(region.narrowed(key, upper - narrower, upper), 1, order)
            except FatalAPIError:
                if not narrower:
                    return
                continue
            if is_answered:
                self.fit.note_widest(key, narrower)
                raise RangeTooWideError(key=key, widest=narrower)
            is_answered = True

    @property
    @override
    def fit(self) -> Fit:
        return self.reader.fit(self.route)

    @property
    @override
    def example(self) -> int | None:
        return self.reader.examples.get(self._rows)

    @property
    def _rows(self) -> str:
        """What names the rows that it selects."""
        return json.dumps([self.url, self.query])

    @property
    def _ids(self) -> tuple[str, list[str]]:
        """The parameter that names the most ids, and these."""
        lists = {
            name: value.split(",")
            for name, value in self.query.items()
            if isinstance(value, str) and name.startswith("filter[")
        }
        return max(lists.items(), key=lambda each: len(each[1]), default=("", []))

    def pieces(self, longest: int) -> list[ListSource]:
        """Return the source in lists of so many ids at most."""
        name, ids = self._ids
        return [
            replace(self, query={**self.query, name: ",".join(ids[first : first + longest])})
            for first in range(0, len(ids), longest)
        ]

    @override
    def again(self) -> ListSource:
        return replace(self, look=self.look + 1)

    @override
    def smaller(self) -> ListSource:
        return replace(self, size=ceil(self.size / 2))

    @override
    def fitted(self) -> Sequence[ListSource]:
        longest, size = self.fit.can.longest_list, min(self.size, self.fit.can.page_size)
        if size < self.size:
            return replace(self, size=size).fitted()
        return [self] if len(self._ids[1]) <= longest else self.pieces(longest)

    @override
    def remedies(self, *, is_heavy: bool) -> Iterator[Remedy]:
        probe = replace(self, size=ONE, plan=None)
        if is_heavy and self.size > ONE:
            pages = [(size, replace(probe, size=size)) for size in halves_of(self.size)]
            yield Remedy(probe, pages, self._too_heavy)
        if (ids := len(self._ids[1])) > 1:
            lists = [(length, probe.pieces(length)[0]) for length in halves_of(ids)]
            yield Remedy(probe.pieces(1)[0], lists, self._too_many)

    def _too_heavy(self, size: int) -> TooLargeError:
        if self.fit.can.page_size >= self.size:
            self.fit.learn(
                f"42 does not answer pages of {self.size} rows in time. They have {size} from "
                "now on",
                page_size=size,
            )
        return TooLargeError("a page is too large", self.fitted())

    def _too_many(self, longest: int) -> TooLargeError:
        name, ids = self._ids
        self.fit.shorten(name, len(ids), longest)
        return TooLargeError(f"it answers for {longest} of them", self.pieces(longest))

    def _too_long(self, why: str) -> TooLargeError:
        name, ids = self._ids
        longest = ceil(len(ids) / 2)
        learn = partial(self.fit.shorten, name, len(ids), longest)
        return TooLargeError(why, self.pieces(longest), learn)

    def params(self, region: Region, number: int, sort: str | None) -> dict[str, Any]:
        """Return the parameters that ask for a page; those that are None are not sent."""
        return {
            **self.query,
            **region.params(self.fit.can.margins),
            "sort": sort,
            "page[number]": max(number, 1),
            "page[size]": ONE if number == COUNT else self.size,
        }

    def _request(self, params: Mapping[str, Any]) -> str:
        # A run that goes on looks as often as the one before, and finds each look's pages.
        return json.dumps([self.url, params, *([self.look] if self.look else [])])


@dataclass(frozen=True)
class ListReader:
    """Reads one list of the API.

    Attributes:
        listing: What the list is.
        client: Asks for pages.
        pipeline: Runs reads ahead of their consumer.
        spool: Keeps pages until a state covers them.
        ledger: Accounts for requests.
        largest_page: Rows a page, at most.
        state: Returns the state of the stream, which may be changed.
        today: Returns the day.
    """

    listing: Listing
    client: Client
    pipeline: Pipeline
    spool: Spool
    ledger: Ledger
    largest_page: int
    state: Callable[[], dict[str, Any]]
    today: Callable[[], date]
    examples: dict[str, int] = field(default_factory=dict, repr=False)
    """By what selects them, the id of one of the rows that came."""
    _fits: dict[str, Fit] = field(default_factory=dict, repr=False)

    def fit(self, route: str) -> Fit:
        """Return what a route of the list was found to do."""
        if route not in self._fits:
            fit = Fit(self.listing, route, self.state, self.today())
            return self._fits.setdefault(route, fit)
        return self._fits[route]

    def save(self) -> None:
        """Bring the state up to date with what was found out."""
        for fit in tuple(self._fits.values()):
            fit.save()

    @property
    def page_size(self) -> int:
        """Rows a page."""
        return min(self.largest_page, self.fit(self.listing.path).can.page_size)

    def source(
        self,
        context: Context | None,
        query: Mapping[str, Any],
        plan: str | None = None,
        *,
        path: str | None = None,
        size: int | None = None,
    ) -> ListSource:
        """Say which rows are read.

        Args:
            context: What the path names; None if nothing.
            query: Parameters that select the rows.
            plan: Name of the plan in the spool; None if the pages are not kept.
            path: Where the list is, if not where it is declared.
            size: Rows a page, if not as usual.

        Returns:
            What `begin` takes.
        """
        route = self.listing.path if path is None else path
        url = self.client.api_url + route.format(**context or {})
        return ListSource(self, url, query, plan, size or self.page_size, route)

    def begin(
        self,
        place: Place,
        source: Source,
        read: Callable[[Ask], AsyncIterator[Part]],
        *,
        is_urgent: bool = False,
        is_divided: bool = True,
    ) -> Reading:
        """Let the pipeline read.

        Args:
            place: Where what it finds is wanted, among all that the run reads.
            source: Which rows.
            read: How; one of the functions of `tap_ft42.reading.reads`.
            is_urgent: Whether to find out early how much it is.
            is_divided: Whether lists of too many ids are read in shorter ones; else a
                `TooLargeError` says so.

        Returns:
            What `parts` takes.
        """
        return self.pipeline.read(
            place,
            source,
            read,
            retried=partial(self.client.retried, self.listing.name),
            is_urgent=is_urgent,
            is_divided=is_divided,
        )

    def parts(self, reading: Reading) -> Iterator[tuple[Part, Place]]:
        """Yield what a read finds; see `Pipeline.parts`."""
        return self.pipeline.parts(reading)

    def read_apart(
        self, source: ListSource, until: int, *, is_proof: bool = False
    ) -> Iterator[Any]:
        """Read records in full that no partition asks for.

        Args:
            source: Which rows, with the name of a plan that is used for nothing else.
            until: Instant up to which all changes will be in, in milliseconds since 1970.
            is_proof: Whether what does not come is taken for gone.

        Yields:
            Records; some perhaps twice.

        Raises:
            RunEnds: The run has to end.
            FatalAPIError: The API refuses the request.
            RetriableAPIError: Too many tries of one page failed.
            requests.RequestException: The API did not answer.
            IncompleteReadError: Nobody can tell whether these are all.
        """
        self.spool.follow(source.plan or "", {}, until, longest_age=FRESH)
        for part, _ in self.parts(self.begin(NOW, source, self.whole)):
            if part.is_doubtful and is_proof:
                message = "the API counts other rows than it shows"
                raise IncompleteReadError(message)
            yield from [] if part.page is None else part.page.records()

    def read_all_apart(self, sources: Sequence[ListSource], until: int) -> Iterator[Any]:
        """Read several sources at once, all with the name of the same plan; as `read_apart`."""
        for plan in {source.plan or "" for source in sources}:
            self.spool.follow(plan, {}, until, longest_age=FRESH)
        readings = [
            self.begin((*NOW, number), source, self.whole)
            for number, source in enumerate(sources)
        ]
        for reading in readings:
            for part, _ in self.parts(reading):
                yield from [] if part.page is None else part.page.records()

    def whole(self, ask: Ask) -> AsyncIterator[Part]:
        """Read all rows of a source."""
        is_sortable = self.listing.is_sortable
        if not self.listing.has_ranges:
            return read_list(ask, is_sortable=is_sortable)
        return read_from_scratch(ask, Region({}), is_sortable=is_sortable)

    def ask_one(
        self,
        path: str,
        query: Mapping[str, Any],
        place: Place = NOW,
        context: Context | None = None,
        *,
        sort: str | None = None,
    ) -> Reading:
        """Ask for one row of a list, and so for its total.

        Args:
            path: Where the list is.
            query: Parameters that select its rows.
            place: Where the answer is wanted, among others that are asked for at once.
            context: What the path names.
            sort: By what the row is the first one; None if it may be any.

        Returns:
            What `one_of` takes.
        """
        source = self.source(context, query, path=path, size=ONE)
        return self.ask_first(source, place, sort=sort)

    def ask_first(
        self,
        source: ListSource,
        place: Place = NOW,
        *,
        sort: str | None = None,
        is_divided: bool = True,
    ) -> Reading:
        """Ask for the first page of a source; arguments and result as of `ask_one`."""
        read = partial(_first_page, sort=sort)
        return self.begin(place, source, read, is_divided=is_divided)

    def one_of(self, reading: Reading) -> Page:
        """Wait for the page of one row.

        Returns:
            The page, which tells how many rows there are.

        Raises:
            As for `read_apart`.
        """
        return next(part.page for part, _ in self.parts(reading) if part.page is not None)


def halves_of(number: int) -> Iterator[int]:
    """Yield the half of a number, the half of that, and so on, but not one."""
    while (number := ceil(number / 2)) > 1:
        yield number


async def _first_page(ask: Ask, sort: str | None) -> AsyncIterator[Part]:
    yield Part(await ask(Region(), 1, sort))
