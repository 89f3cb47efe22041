"""No row is lost when rows move between pages: the reading against a model of the API.

The model counts a total, then reads the rows, and lets anything happen before,
between and after, with many requests on their way. Its instants are more precise
than what it shows.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tap_ft42.api.page import restored_page
from tap_ft42.declared.instants import from_milliseconds
from tap_ft42.reading.asking import IncompleteReadError
from tap_ft42.reading.reads import read_from_scratch, read_window
from tap_ft42.reading.regions import Region
from tap_ft42.reading.whole import read_list
from tap_ft42.streams.cursors import UPDATED_AT
from typing_extensions import override

from tests.tap.pages import PretendedList, Unsorted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from random import Random

    from tap_ft42.api.page import Page
    from tap_ft42.reading.asking import Part
    from tap_ft42.reading.regions import Key

UNTIL = 40
"""Milliseconds: where windows end."""


@dataclass
class Row:
    """A row of the model.

    Attributes:
        id: its id.
        updated: when it last changed, in microseconds.
    """

    id: int
    updated: int


@dataclass
class World(PretendedList):
    """The API, and life in it.

    Attributes:
        luck: decides what happens when.
        rows: what exists, by id.
        size: rows a page.
        restless: how likely something happens at any moment.
        has_totals: whether answers tell totals.
        sorts: whether `sort` is heeded.
        ranges: whether `range` is heeded.
        requests: how many requests came.
        clock: the time, which moves with everything that happens.
        latest: the greatest id that any row ever had: no id comes twice.
        untouched: ids of the rows that were there at first and have not changed since.
    """

    luck: Random
    rows: dict[int, Row]
    size: int
    restless: float
    has_totals: bool = True
    sorts: bool = True
    ranges: bool = True
    requests: int = 0
    clock: int = 0
    latest: int = 0
    untouched: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Nothing has happened yet."""
        self.untouched = set(self.rows)
        self.latest = max(self.rows, default=0)

    @property
    def looks_sorted(self) -> bool:
        """Whether the first page is in order by chance, though `sort` is not heeded."""
        head = [row.id for row in self._list(Region(), "-id")[: self.size]]
        return not self.sorts and head == sorted(head, reverse=True)

    @override
    async def __call__(self, region: Region, number: int, sort: str | None) -> Page:
        self.requests += 1
        sent = self.clock
        await self._pause()
        total = len(self._list(region, sort))
        await self._pause()
        first = (number - 1) * self.size
        rows = [
            {"id": row.id, "updated_at": from_milliseconds(row.updated // 1000)}
            for row in self._list(region, sort)[first : first + self.size]
        ]
        await self._pause()
        return restored_page(
            json.dumps(rows).encode(),
            UPDATED_AT,
            total=total if self.has_totals else None,
            size=self.size,
            more=bool(rows) and (not self.has_totals or number * self.size < total),
            sent=sent,
            answered=self.clock,
        )

    def _list(self, region: Region, sort: str | None) -> list[Row]:
        rows = list(self.rows.values())
        if self.ranges:
            for key, (lower, upper) in region.bounds.items():
                rows = [
                    row
                    for row in rows
                    if (
                        lower <= row.id <= upper
                        if key == "id"
                        else lower * 1000 <= row.updated <= upper * 1000
                    )
                ]
        if not self.sorts or sort is None:
            return sorted(rows, key=lambda row: (-row.updated, row.id % 7))
        if sort == "updated_at,id":
            return sorted(rows, key=lambda row: (row.updated, row.id))
        return sorted(rows, key=lambda row: row.id, reverse=sort == "-id")

    async def _pause(self) -> None:
        for _ in range(self.luck.randrange(4)):
            await asyncio.sleep(0)
            if self.luck.random() < self.restless:
                self._happen()
        self.clock += 1

    def _happen(self) -> None:
        self.clock += 1
        if self.rows and self.luck.random() < 0.8:
            row = self.rows[self.luck.choice(list(self.rows))]
            self.untouched.discard(row.id)
            if self.luck.random() < 0.5:
                del self.rows[row.id]
            else:
                row.updated = (UNTIL + 1 + self.clock) * 1000
        else:
            self.latest += self.luck.randrange(1, 4)
            self.rows[self.latest] = Row(self.latest, (UNTIL + 1 + self.clock) * 1000)


@st.composite
def worlds(
    draw: st.DrawFn,
    /,
    *,
    is_quiet: bool = False,
    has_totals: bool = True,
    sorts: bool = True,
    ranges: bool = True,
) -> World:
    luck = draw(st.randoms(use_true_random=False))
    ids = draw(st.sets(st.integers(1, draw(st.sampled_from([20, 60, 1000]))), max_size=60))
    latest = draw(st.sampled_from([1, 3, UNTIL])) * 1000
    return World(
        luck,
        {number: Row(number, luck.randrange(latest + 1)) for number in ids},
        size=draw(st.integers(1, 7)),
        restless=0 if is_quiet else draw(st.sampled_from([0.02, 0.1, 0.4])),
        has_totals=has_totals,
        sorts=sorts,
        ranges=ranges,
    )


def read(world: World, key: Key | None, reading: AsyncIterator[Part]) -> set[int]:
    """Read it, hold what is reached against what was seen, and return the ids.

    Args:
        world: what is read.
        key: what is reached is a value of this key; None not to look at it.
        reading: how it is read.
    """

    async def consume() -> set[int]:
        seen: set[int] = set()
        async for part in reading:
            if part.page is not None:
                seen.update(part.page.ids)
            if part.reached is not None and key is not None:
                assert seen >= {
                    number
                    for number in world.untouched
                    if (number if key == "id" else world.rows[number].updated // 1000)
                    < part.reached
                }
        return seen

    before = len(world.untouched)
    try:
        return asyncio.run(consume())
    except IncompleteReadError:
        assume(2 * len(world.untouched) >= before)  # it says so if most rows leave meanwhile
        raise


WINDOW = Region({"updated_at": (0, UNTIL)})
EXAMPLES = settings(max_examples=100, deadline=None)


@EXAMPLES
@given(world=st.one_of(worlds(), worlds(has_totals=False)))
def test_no_row_of_a_window_is_lost(world: World) -> None:
    seen = read(world, "updated_at", read_window(world, WINDOW))
    assert seen >= world.untouched


@EXAMPLES
@given(world=worlds(sorts=False))
def test_no_row_of_a_window_is_lost_where_nothing_is_sorted(world: World) -> None:
    seen = read(world, "updated_at", read_window(Unsorted(world), WINDOW))
    assert seen >= world.untouched


@EXAMPLES
@given(world=st.one_of(worlds(), worlds(has_totals=False)))
def test_no_row_is_lost_when_a_list_is_read_from_scratch(world: World) -> None:
    seen = read(world, "id", read_from_scratch(world, Region()))
    assert seen >= world.untouched


@EXAMPLES
@given(world=worlds(sorts=False))
def test_no_row_is_lost_when_a_list_without_order_is_read_from_scratch(world: World) -> None:
    seen = read(world, "id", read_from_scratch(Unsorted(world), WINDOW))
    assert seen >= world.untouched


@EXAMPLES
@given(
    world=st.one_of(
        worlds(is_quiet=True, sorts=False),
        worlds(is_quiet=True, ranges=False),
        worlds(is_quiet=True, ranges=False, has_totals=False),
        worlds(is_quiet=True, ranges=False, sorts=False, has_totals=False),
    ),
    is_sortable=st.booleans(),
)
def test_a_quiet_list_is_read_whole_even_if_nothing_that_is_asked_for_is_heeded(
    world: World, *, is_sortable: bool
) -> None:
    assume(not world.looks_sorted)
    there = world if is_sortable else Unsorted(world)
    for reading in (
        read_from_scratch(there, Region()),
        read_window(there, WINDOW),
        read_list(there),
    ):
        assert read(world, None, reading) == world.untouched


@EXAMPLES
@given(world=worlds(is_quiet=True))
def test_a_quiet_list_costs_a_request_a_page_and_one_to_prove_it(world: World) -> None:
    pages = max(1, -(-len(world.rows) // world.size))
    readings: tuple[tuple[Key, AsyncIterator[Part]], ...] = (
        ("id", read_from_scratch(world, Region())),
        ("updated_at", read_window(world, WINDOW)),
    )
    for key, reading in readings:
        world.requests = 0
        assert read(world, key, reading) == world.untouched
        assert world.requests <= pages + 2 * (pages > 1) + (len(world.rows) == world.size)
