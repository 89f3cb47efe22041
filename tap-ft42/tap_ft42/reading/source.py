"""A list of the API as a run reads it: asked for, or recalled from the spool."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from typing_extensions import override

from tap_ft42.api.ledger import route_of
from tap_ft42.reading.asking import IncompleteReadError, Part
from tap_ft42.reading.pipeline import NOW, Source
from tap_ft42.reading.reads import read_from_scratch, read_list
from tap_ft42.reading.regions import Region
from tap_ft42.reading.spool import FRESH

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping

    from tap_ft42.api.client import Client
    from tap_ft42.api.ledger import Entry, Ledger
    from tap_ft42.api.page import Page
    from tap_ft42.declared.contexts import Context
    from tap_ft42.declared.listing import Listing
    from tap_ft42.reading.asking import Ask
    from tap_ft42.reading.pipeline import Pipeline, Place, Reading
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
    """

    reader: ListReader
    url: str
    query: Mapping[str, Any]
    plan: str | None
    size: int
    route: str = field(repr=False)

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
        params = self.params(region, number, sort)
        with self.entry.request():
            page = self.reader.client.fetch(self.reader.listing, self.url, params)
        self.entry.take(page)
        if self.plan is not None:
            self.reader.spool.keep(self.plan, self._request(params), page)
        return page

    def params(self, region: Region, number: int, sort: str | None) -> dict[str, Any]:
        """Return the parameters that ask for a page; those that are None are not sent."""
        return {
            **self.query,
            **region.params(),
            "sort": sort,
            "page[number]": number,
            "page[size]": self.size,
        }

    def _request(self, params: Mapping[str, Any]) -> str:
        return json.dumps([self.url, params])


@dataclass(frozen=True)
class ListReader:
    """Reads one list of the API.

    Attributes:
        listing: What the list is.
        client: Asks for pages.
        pipeline: Runs reads ahead of their consumer.
        spool: Keeps pages until a state covers them.
        ledger: Accounts for requests.
        page_size: Rows a page.
    """

    listing: Listing
    client: Client
    pipeline: Pipeline
    spool: Spool
    ledger: Ledger
    page_size: int

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
    ) -> Reading:
        """Let the pipeline read.

        Args:
            place: Where what it finds is wanted, among all that the run reads.
            source: Which rows.
            read: How; one of the functions of `tap_ft42.reading.reads`.
            is_urgent: Whether to find out early how much it is.

        Returns:
            What `parts` takes.
        """
        retried = self.retried
        return self.pipeline.read(place, source, read, retried=retried, is_urgent=is_urgent)

    def retried(self, func: Any) -> Any:  # noqa: ANN401 - sync or async
        """Let a function that asks for pages of the list try again."""
        return self.client.retried(self.listing.name, func)

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
    ) -> Reading:
        """Ask for one row of a list, and so for its total.

        Args:
            path: Where the list is.
            query: Parameters that select its rows.
            place: Where the answer is wanted, among others that are asked for at once.
            context: What the path names.

        Returns:
            What `one_of` takes.
        """
        return self.ask_first(self.source(context, query, path=path, size=ONE), place)

    def ask_first(self, source: ListSource, place: Place = NOW) -> Reading:
        """Ask for the first page of a source; arguments and result as of `ask_one`."""
        return self.begin(place, source, _first_page)

    def one_of(self, reading: Reading) -> Page:
        """Wait for the page of one row.

        Args:
            reading: What was asked for.

        Returns:
            The page, which tells how many rows there are.

        Raises:
            As for `read_apart`.
        """
        return next(part.page for part, _ in self.parts(reading) if part.page is not None)


async def _first_page(ask: Ask) -> AsyncIterator[Part]:
    yield Part(await ask(Region(), 1, None))
