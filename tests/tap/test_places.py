"""A census that 42 cuts in silence is noticed by its halves."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from tap_ft42.declared.listing import LOST, Cursor, Listing
from tap_ft42.reading.asking import COUNT
from tap_ft42.reading.places import PlacedAsk
from tap_ft42.reading.regions import RangeIgnoredError, Region
from tap_ft42.reading.source import Source
from typing_extensions import override

from tests.tap.pages import NOTHING_IN_PARTICULAR, page, route_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_ft42.api.page import Page
    from tap_ft42.reading.facts import RouteFacts

WIDTH = 20_000_000
LISTING = Listing(name="moons", path="/v2/moons", cursor=Cursor("begin_at"))


@dataclass(frozen=True)
class Moons(Source):
    """A list whose rows tell no instants, so no known row can be asked for."""

    rows: Sequence[int] = ()
    widest: int = WIDTH

    @classmethod
    def of(cls, last: int, *, widest: int = WIDTH) -> Moons:
        route = route_of(LISTING)
        route.facts.note_bounds("both")
        rows = [*range(1, 31), *range(WIDTH - last, WIDTH)]
        return cls(route, *NOTHING_IN_PARTICULAR, rows=rows, widest=widest)

    @property
    def facts(self) -> RouteFacts:
        return self.route.facts

    @override
    def fetch(self, region: Region, number: int, sort: str | None) -> Page:
        lower, upper = region.interval("id")
        found = [row for row in self.rows if lower <= row <= min(upper, lower + self.widest)]
        return page(found[:1], len(found), size=1, more=len(found) > 1)


async def answer(_place: object, source: Source, request: Any, *, is_urgent: bool) -> Page:  # noqa: ANN401 - a region, a number and an order
    del is_urgent
    return source.fetch(*request)


def count(there: Moons, number: int = COUNT) -> Page:
    ask = PlacedAsk(answer, there, lambda _: None, ())
    return asyncio.run(ask(Region({"id": (1, 1 + WIDTH)}), number, None))


def test_halves_that_count_more_than_the_whole_show_that_ranges_of_ids_are_cut() -> None:
    there = Moons.of(LOST + 1, widest=WIDTH // 2)
    with pytest.raises(RangeIgnoredError):
        count(there)
    assert not there.facts.narrows_by("id")


@pytest.mark.parametrize(("last", "widest"), [(LOST, WIDTH // 2), (LOST + 1, WIDTH)])
def test_halves_that_count_no_more_prove_the_width_and_a_tenth_more(
    last: int, widest: int
) -> None:
    there = Moons.of(last, widest=widest)
    assert count(there).total
    assert there.facts.can.whole_ranges == {"id": WIDTH + WIDTH // 10}


def test_a_page_of_rows_is_compared_with_no_halves() -> None:
    there = Moons.of(LOST + 1, widest=WIDTH // 2)
    count(there, number=1)
    assert there.facts.can.whole_ranges == {}
    assert there.facts.narrows_by("id")
