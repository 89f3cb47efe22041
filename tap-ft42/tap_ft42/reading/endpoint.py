"""A list of the API as the pipeline reads it: asked for, or recalled from the spool."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from typing_extensions import override

from tap_ft42.api.ledger import route_of
from tap_ft42.reading.pipeline import Source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from singer_sdk.helpers.types import Context

    from tap_ft42.api.ledger import Tally
    from tap_ft42.api.page import Page
    from tap_ft42.reading.regions import Region
    from tap_ft42.singer.planned import PlannedStream


@dataclass(frozen=True)
class Endpoint(Source):
    """The list that a stream reads, and what is left on disk of it.

    Attributes:
        stream: The stream.
        context: The parent's context, or None.
        query: Parameters that select its records.
        plan: Name of the plan in the spool; None if its pages are not kept.
    """

    stream: PlannedStream
    context: Context | None
    query: Mapping[str, Any]
    plan: str | None

    @cached_property
    @override
    def tally(self) -> Tally:
        route = route_of(self.stream.path, urlsplit(self._url).path)
        return self.stream.ledger.tally(self.stream.name, route)

    @override
    def recall(self, region: Region, number: int, sort: str | None) -> Page | None:
        if self.plan is None:
            return None
        params = self._params(region, number, sort)
        return self.stream.spool.recall(self.plan, self._request(params))

    @override
    def fetch(self, region: Region, number: int, sort: str | None) -> Page:
        params = self._params(region, number, sort)
        with self.tally.request():
            page = self.stream.fetch(self._url, params, self.context)
        self.tally.take(page)
        if self.plan is not None:
            self.stream.spool.keep(self.plan, self._request(params), page)
        return page

    @property
    def _url(self) -> str:
        return self.stream.get_url(self.context)

    def _params(self, region: Region, number: int, sort: str | None) -> dict[str, Any]:
        return {
            **self.query,
            **region.params(),
            "sort": sort,
            "page[number]": number,
            "page[size]": self.stream.page_size,
        }

    def _request(self, params: Mapping[str, Any]) -> str:
        return json.dumps([self._url, params])
