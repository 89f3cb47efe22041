"""Reads one list of the API: it defines the rows, and lets the pipeline read them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import Any

from tap_ft42.api.client import Client
from tap_ft42.api.ledger import Ledger
from tap_ft42.api.page import Page
from tap_ft42.api.retries import MAX_TRIES
from tap_ft42.declared.contexts import Context
from tap_ft42.declared.listing import Listing
from tap_ft42.reading.asking import Ask, Part
from tap_ft42.reading.facts import RouteFacts
from tap_ft42.reading.looks import Looks
from tap_ft42.reading.pipeline import Pipeline
from tap_ft42.reading.places import NOW, Place
from tap_ft42.reading.reads import read_from_scratch
from tap_ft42.reading.regions import Region
from tap_ft42.reading.route import Route
from tap_ft42.reading.running import Reading
from tap_ft42.reading.source import Source
from tap_ft42.reading.spool import Spool
from tap_ft42.reading.whole import read_list


@dataclass(frozen=True)
class ListReader:
    """Reads one list of the API.

    Attributes:
        listing: The listing of the list.
        client: Asks for pages.
        pipeline: Runs reads ahead of their consumer.
        spool: Keeps pages until a state covers them.
        ledger: Counts requests.
        largest_page: Rows of a page, at most.
        state: Returns the state of the stream, which may be changed.
        today: The day of the run.
        widths: How wide ranges may be, shared by all lists of the run; see `Route`.
    """

    listing: Listing
    client: Client
    pipeline: Pipeline
    spool: Spool
    ledger: Ledger
    largest_page: int
    state: Callable[[], dict[str, Any]]
    today: date
    widths: dict[bool, int] = field(default_factory=dict, repr=False)
    _routes: dict[str, Route] = field(default_factory=dict, repr=False)

    def route(self, path: str) -> Route:
        """Return a route of the list; its path has names in braces."""
        if path not in self._routes:
            facts = RouteFacts(self.listing, path, self.state, self.today)
            entry = self.ledger.entry(self.listing.name, path)
            route = Route(
                self.listing,
                path,
                self.client,
                self.spool,
                entry,
                facts,
                Looks(facts),
                partial(self.pipeline.permit, entry),
                self.widths,
            )
            return self._routes.setdefault(path, route)
        return self._routes[path]

    def save(self) -> None:
        """Write into the state what was observed of the routes."""
        for route in tuple(self._routes.values()):
            route.facts.save()

    @property
    def page_size(self) -> int:
        """Rows of a page."""
        return min(self.largest_page, self.route(self.listing.path).facts.can.page_size)

    def source(  # noqa: PLR0913 - the rows, and how they are asked for
        self,
        context: Context | None,
        query: Mapping[str, Any],
        plan: str | None = None,
        *,
        path: str | None = None,
        size: int | None = None,
        is_divided: bool = True,
    ) -> Source:
        """Return the source of some rows.

        Args:
            context: Fills the names in the path; None if it has none.
            query: Parameters that select the rows.
            plan: Name of the plan in the spool; None if the pages are not kept.
            path: The route; None for that of the listing.
            size: Rows of a page; None for the usual number.
            is_divided: As in `Source`.
        """
        route = self.route(self.listing.path if path is None else path)
        url = self.client.api_url + route.path.format(**context or {})
        return Source(route, url, query, plan, size or self.page_size, is_divided=is_divided)

    def whole(self, ask: Ask) -> AsyncIterator[Part]:
        """Read all rows of a source; for `Pipeline.read`."""
        return read_from_scratch(ask, Region()) if self.listing.has_ranges else read_list(ask)

    def ask_one(  # noqa: PLR0913 - the row, and the place of the answer
        self,
        path: str,
        query: Mapping[str, Any],
        place: Place = NOW,
        context: Context | None = None,
        *,
        sort: str | None = None,
        is_divided: bool = True,
    ) -> Reading:
        """Ask for one row of a list, and so for its total.

        Args:
            path: The route.
            query: Parameters that select the rows.
            place: The place of the answer in the order of consumption.
            context: Fills the names in the path.
            sort: The order in which the row is the first one; None for any row.
            is_divided: As in `Source`.

        Returns:
            A reading for `one_of`.
        """
        source = self.source(context, query, path=path, size=1, is_divided=is_divided)
        return self.ask_first(source, place, sort=sort)

    def ask_first(
        self,
        source: Source,
        place: Place = NOW,
        *,
        sort: str | None = None,
        max_tries: int = MAX_TRIES,
    ) -> Reading:
        """Ask for the first page of a source."""
        read = partial(_first_page, sort=sort)
        return self.pipeline.read(place, source, read, max_tries=max_tries)

    def one_of(self, reading: Reading) -> Page:
        """Wait for the page of a reading that has only one; raises as `Pipeline.parts`."""
        return next(self._pages(reading))

    def all_of(self, reading: Reading) -> list[Page]:
        """Wait for all pages of a reading that may be divided; raises as `Pipeline.parts`."""
        return [*self._pages(reading)]

    def _pages(self, reading: Reading) -> Iterator[Page]:
        pages = (part.page for part, _ in self.pipeline.parts(reading))
        return (page for page in pages if page is not None)


async def _first_page(ask: Ask, sort: str | None) -> AsyncIterator[Part]:
    yield Part(await ask(Region(), 1, sort))
