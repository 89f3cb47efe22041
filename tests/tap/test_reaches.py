"""Which bounds ranges include, and how wide they may be, is found out by one known row."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest
from tap_ft42.declared.instants import DAY, HOUR
from tap_ft42.reading.bounds import (
    Example,
    find_both,
    find_bounds,
    find_reach,
)
from tap_ft42.reading.regions import MAX_ID, Region

from tests.tap.pages import page

AT = 20_000 * DAY
"""When the rows below changed, beside some milliseconds."""


@dataclass
class List:
    """A list of the API, with one habit or another.

    Attributes:
        rows: ids and instants of its rows.
        lower: whether a range includes its lower bound.
        upper: whether it includes its upper one.
        widest: how wide a range of a column may be before its end is cut.
        cuts_beginning: whether the beginning is cut instead.
        ignores: whether ranges narrow nothing.
        asked: the regions that were asked for.
    """

    rows: list[tuple[int, int]]
    lower: bool = True
    upper: bool = True
    widest: dict[str, int] = field(default_factory=dict)
    cuts_beginning: bool = False
    ignores: bool = False
    asked: list[Region] = field(default_factory=list)

    async def __call__(self, region: Region, number: int = 1, *, sort: str = "") -> object:
        del number
        self.asked.append(region)
        rows = [row for row in self.rows if self.ignores or self._holds(region, row)]
        rows.sort(key=lambda row: row[1], reverse=sort.startswith("-"))
        return page(rows[:1], len(rows), size=1, more=len(rows) > 1)

    def _holds(self, region: Region, row: tuple[int, int]) -> bool:
        for key, (first, last) in region.bounds.items():
            low, high, widest = first, last, self.widest.get(key, MAX_ID * 9999)
            if high - low > widest:
                low, high = (
                    (high - widest, high) if self.cuts_beginning else (low, low + widest)
                )
            own = row[key != "id"]
            if key == "id" and (
                (own == low and not self.lower) or (own == high and not self.upper)
            ):
                return False
            if not low <= own <= high:
                return False
        return True


@pytest.mark.parametrize("example", [70, None])
@pytest.mark.parametrize(
    ("lower", "upper", "bounds", "requests"),
    [
        (True, True, "both", 1),
        (True, False, "lower", 3),
        (False, True, "upper", 3),
        (False, False, "none", 4),
    ],
)
def test_bounds_that_ranges_include_are_found(
    example: int | None, bounds: str, requests: int, *, lower: bool, upper: bool
) -> None:
    there = List([(70, AT)], lower=lower, upper=upper)
    assert asyncio.run(find_bounds(there, example)) == bounds  # type: ignore[arg-type]
    assert len(there.asked) == requests + (example is None)


def test_where_no_range_tells_bounds_they_are_unknown() -> None:
    for there in (List([]), List([(70, AT), (80, AT)], ignores=True)):
        assert asyncio.run(find_bounds(there, 75)) is None  # type: ignore[arg-type]
        assert asyncio.run(find_bounds(List([]), None)) is None  # type: ignore[arg-type]


def test_an_example_is_the_row_with_the_greatest_key_if_rows_tell_their_instants() -> None:
    rows = page([(3, AT + 5), (9, AT + 1), (4, AT + 9)])
    column = "updated_at"
    assert Example.of(rows, column, "id") == Example(9, AT + 1, column)
    assert Example.of(rows, column, column) == Example(4, AT + 9, column)
    assert Example.of(page([]), column, "id") is None
    assert Example.of(page([1, (2, AT)]), column, "id") is None
    assert Example.of(rows, "begins_at", "begins_at") is None


EXAMPLE = Example(50_000_000, AT, "updated_at")
ROWS = [(50_000_000, AT), (5, AT - 900 * DAY)]


def reach(there: List, key: str, width: int, *, by_id: bool = True) -> int | None:
    return asyncio.run(find_reach(there, EXAMPLE, key, width, by_id=by_id))  # type: ignore[arg-type]


@pytest.mark.parametrize("by_id", [True, False])
@pytest.mark.parametrize("cuts_beginning", [True, False])
@pytest.mark.parametrize(
    ("widest", "width", "found"),
    [
        (99_999, 10, 400),
        (99_999, 101, 404),
        (365, 10, 365),
        (364, 10, 90),
        (60, 10, 30),
        (7, 10, 7),
        (2, 10, 1),
    ],
)
def test_a_width_in_days_is_found_at_which_neither_end_of_a_range_is_cut(
    widest: int, width: int, found: int, *, cuts_beginning: bool, by_id: bool
) -> None:
    habits = {"widest": {"updated_at": widest * DAY + 2_000}, "cuts_beginning": cuts_beginning}
    there = List(ROWS[:1], **habits)  # type: ignore[arg-type]
    assert reach(there, "updated_at", width * DAY, by_id=by_id) == found * DAY


def test_ranges_of_ids_are_found_as_wide_as_ids_go() -> None:
    assert reach(List(ROWS), "id", 1) == 50_000_000
    assert reach(List(ROWS), "id", 20_000_000) == 50_000_000
    assert reach(List(ROWS, widest={"id": 2_000_000}), "id", 1) == 1_000_000


def test_narrow_ranges_are_tried_down_to_a_minute() -> None:
    for widest, found in ((2 * HOUR, HOUR), (HOUR - 2, HOUR // 6), (HOUR // 30, HOUR // 60)):
        there = List(ROWS[:1], widest={"updated_at": widest + 1})
        assert reach(there, "updated_at", DAY) == found
    assert reach(List(ROWS[:1], widest={"updated_at": 1}), "updated_at", DAY) is None


def test_where_rows_come_that_nobody_asked_for_nothing_is_known() -> None:
    assert reach(List(ROWS[1:] * 2, ignores=True), "updated_at", DAY) is None
    assert reach(List([]), "updated_at", DAY) is None


def test_one_request_tests_bounds_and_width() -> None:
    def both(there: List, width: int = DAY) -> int | None:
        return asyncio.run(find_both(there, EXAMPLE, "updated_at", width))  # type: ignore[arg-type]

    assert both(there := List(ROWS)) == 400 * DAY
    assert both(List(ROWS), 101 * DAY) == 404 * DAY
    assert there.asked[0].bounds["id"] == (50_000_000, 50_000_000)
    assert both(List(ROWS, lower=False)) is None
    assert both(List(ROWS[1:], ignores=True)) is None
