"""Asks for the API's counts of a list's rows, by the day of their creation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from typing_extensions import override

from tap_ft42.api.page import Page, counts_of
from tap_ft42.reading.reader import ListReader
from tap_ft42.reading.regions import Region
from tap_ft42.reading.source import Remedy, Source

_TRIES = 2
"""If a graph is not answered twice, it is too much for the API, and the run does without."""


@dataclass(frozen=True)
class _Graph(Source):
    """A graph: one answer without pages, and not the sum of smaller ones."""

    @override
    def fetch(self, region: Region, number: int, sort: str | None) -> Page:
        with self.route.entry.request():
            page = self.route.client.fetch_counts(self.url, self.query)
        self.route.entry.take(page)
        return page

    @override
    def fitted(self) -> Sequence[Source]:
        return [self]

    @override
    def remedies(self, *, is_heavy: bool) -> Iterator[Remedy]:
        return iter(())


def counts_by_day(
    reader: ListReader, path: str, query: Mapping[str, Any]
) -> Mapping[date, int]:
    """Ask how many rows were created on each day.

    Raises:
        RunEnds: The run has to end.
        FatalAPIError: The API refuses the request.
        RetriableAPIError: It did not answer with JSON, or has trouble.
        requests.RequestException: It did not answer.
    """
    graph = _Graph(reader.route(path), reader.client.api_url + path, query, None, 1)
    return counts_of(reader.one_of(reader.ask_first(graph, max_tries=_TRIES)).body)
