"""Pages as they lie in memory, and lists that answer with them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any, cast

from tap_ft42.api.ledger import Entry
from tap_ft42.api.page import restored_page
from tap_ft42.declared.instants import from_milliseconds
from tap_ft42.declared.listing import Cursor, Listing
from tap_ft42.reading.asking import Ask
from tap_ft42.reading.facts import RouteFacts
from tap_ft42.reading.looks import Looks
from tap_ft42.reading.route import Route
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tap_ft42.api.page import Page
    from tap_ft42.reading.regions import Region

CHANGES = Cursor("updated_at")
BADGES = Listing(name="badges", path="/v2/badges")


NOTHING_IN_PARTICULAR: tuple[str, dict[str, Any], None, int] = ("", {}, None, 1)
"""Address, query, plan and rows a page of a source that a test answers itself."""


def route_of(listing: Listing = BADGES) -> Route:
    """Make the route of a list from which no request is sent."""
    path, nobody = listing.path, cast("Any", None)
    facts = RouteFacts(listing, path, dict, date(2026, 11, 30))
    entry = Entry(listing.name, path)
    return Route(listing, path, nobody, nobody, entry, facts, Looks(facts), lambda: None)


def page(  # noqa: PLR0913 - what an answer may say
    rows: Iterable[int | tuple[int, int]],
    total: int | None = None,
    *,
    size: int = 10,
    more: bool = False,
    sent: float = 0.0,
    answered: float = 0.0,
) -> Page:
    """Make a page of rows: their ids, or their ids with instants in milliseconds."""
    pairs = [row if isinstance(row, tuple) else (row, None) for row in rows]
    body = [
        {"id": number} | ({} if at is None else {"updated_at": from_milliseconds(at)})
        for number, at in pairs
    ]
    told = {"total": total, "size": size, "more": more, "sent": sent, "answered": answered}
    return restored_page(json.dumps(body).encode(), CHANGES, **told)


class PretendedList(Ask):
    """A list whose answers do not depend on their place in a run."""

    route = route_of()

    @override
    def after(self, number: int) -> Ask:
        return self

    @override
    def again(self) -> Ask:
        return self

    @override
    async def prepare(self, head: Page) -> None:
        """No window follows."""


class Unsorted(PretendedList):
    """A list that nothing sorts, as is known."""

    route = route_of(replace(BADGES, is_sortable=False))

    def __init__(self, there: PretendedList) -> None:
        """Answer as another list does."""
        self._there = there

    @override
    async def __call__(self, region: Region, number: int, sort: str | None) -> Page:
        return await self._there(region, number, sort)

    @override
    def smaller(self) -> Unsorted:
        return Unsorted(cast("PretendedList", self._there.smaller()))
