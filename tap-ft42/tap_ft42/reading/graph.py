"""How many rows of a list were created on each day, as the API counts them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tap_ft42.api.page import counts_of
from tap_ft42.reading.asking import Part, Source
from tap_ft42.reading.places import NOW
from tap_ft42.reading.regions import Region

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from datetime import date

    from tap_ft42.api.ledger import Entry
    from tap_ft42.api.page import Page
    from tap_ft42.reading.asking import Ask
    from tap_ft42.reading.source import ListReader

_TRIES = 2
"""A graph that is not answered twice is too much for the API: there are other ways."""


@dataclass(frozen=True)
class _Graph(Source):
    """One answer, which has no pages.

    Attributes:
        reader: Reads the list.
        route: The route of the graph.
        query: Parameters that select the rows.
    """

    reader: ListReader
    route: str
    query: Mapping[str, Any]

    @cached_property
    @override
    def entry(self) -> Entry:
        return self.reader.ledger.entry(self.reader.listing.name, self.route)

    @override
    def fetch(self, region: Region, number: int, sort: str | None) -> Page:
        client = self.reader.client
        with self.entry.request():
            page = client.fetch_counts(client.api_url + self.route, self.query)
        self.entry.take(page)
        return page


def counts_by_day(
    reader: ListReader, route: str, query: Mapping[str, Any]
) -> Mapping[date, int]:
    """Ask how many rows were created on each day.

    Args:
        reader: Reads the list.
        route: The route of the graph.
        query: Parameters that select the rows.

    Returns:
        Rows by their days.

    Raises:
        RunEnds: The run has to end.
        FatalAPIError: The API refuses the request.
        RetriableAPIError: It did not answer with JSON, or has trouble.
        requests.RequestException: It did not answer.
    """
    retried = partial(reader.client.retried, reader.listing.name, max_tries=_TRIES)
    source = _Graph(reader, route, query)
    reading = reader.pipeline.read(NOW, source, _answer, retried=retried)
    (part,) = (part for part, _ in reader.pipeline.parts(reading))
    return counts_of(part.page.body) if part.page else {}


async def _answer(ask: Ask) -> AsyncIterator[Part]:
    yield Part(await ask(Region(), 1, None))
