"""How many rows a list has: what one small page of it tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tap_ft42.reading.endpoint import Endpoint
from tap_ft42.reading.pipeline import NOW
from tap_ft42.reading.reads import Part
from tap_ft42.reading.regions import Region

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from singer_sdk.helpers.types import Context

    from tap_ft42.api.page import Page
    from tap_ft42.reading.pipeline import Pipeline, Place, Reading
    from tap_ft42.reading.reads import Ask
    from tap_ft42.singer.planned import PlannedStream


@dataclass(frozen=True)
class ListAt(Endpoint):
    """A list that the stream reads elsewhere than its path says.

    Attributes:
        path: Where, with names in braces for what the context tells.
        size: Rows a page; None for the stream's own.
    """

    path: str = ""
    size: int | None = None

    @property
    @override
    def _url(self) -> str:
        return f"{self.stream.url_base}{self.path.format(**self.context or {})}"

    @override
    def _params(self, region: Region, number: int, sort: str | None) -> dict[str, Any]:
        params = super()._params(region, number, sort)
        return params if self.size is None else params | {"page[size]": self.size}


def ask_one(
    stream: PlannedStream,
    path: str,
    query: Mapping[str, Any],
    place: Place = NOW,
    context: Context | None = None,
) -> Reading:
    """Ask for one row of a list.

    Args:
        stream: The stream whose list it is.
        path: Where the list is.
        query: Parameters that select its records.
        place: Where the answer is wanted, among others that are asked for at once.
        context: The context of the list, if it has one.

    Returns:
        What `one_of` takes.
    """
    source = ListAt(stream, context, query, plan=None, path=path, size=1)
    return stream.pipeline.read(place, source, _first_page, retried=stream.request_decorator)


def one_of(pipeline: Pipeline, reading: Reading) -> Page:
    """Wait for the page of one row.

    Args:
        pipeline: What reads it.
        reading: What was asked for.

    Returns:
        The page, which tells how many rows there are.

    Raises:
        RunEnds: The run has to end.
        FatalAPIError: The API refuses the request.
        RetriableAPIError: Too many tries failed.
        requests.RequestException: The API did not answer.
    """
    return next(part.page for part, _ in pipeline.parts(reading) if part.page is not None)


async def _first_page(ask: Ask) -> AsyncIterator[Part]:
    yield Part(await ask(Region(), 1, None))
