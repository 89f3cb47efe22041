"""What the hour leaves to a census, and how many lacking rows its departures explain."""

from __future__ import annotations

from sys import maxsize
from types import SimpleNamespace
from typing import Any

import pytest
from tap_ft42.census.accounts import Account
from tap_ft42.census.allowance import end_of, requests_left
from tap_ft42.census.packing import packed_ids
from tap_ft42.census.totals import have_gone_along
from tap_ft42.run.people import Departures


def a_run(  # noqa: PLR0913 - each is a fact about the hour
    *,
    spent: int,
    per_hour: int,
    of_run: int = 0,
    before: int | None = None,
    wanted: int | None = None,
    reserve: int = 24,
) -> Any:  # noqa: ANN401 - a part of a run
    """A run, as far as its requests go."""
    return SimpleNamespace(
        settings={"census_requests": wanted},
        quota=SimpleNamespace(per_hour=per_hour, spent=spent, usable=per_hour - reserve),
        budget=SimpleNamespace(spent=of_run),
        spent_before_counts=before,
    )


@pytest.mark.parametrize(
    ("spent", "per_hour", "wanted", "left"),
    [
        (0, 1200, None, 300),
        (149, 1200, None, 151),
        (40, 1200, 50, 10),
        (60, 1200, 50, 0),
        (9, 0, 50, 43),
        (9, 0, None, maxsize - 7),
    ],
)
def test_a_quarter_of_the_hour_is_left_unless_the_settings_say_otherwise(
    spent: int, per_hour: int, wanted: int | None, left: int
) -> None:
    run = a_run(spent=spent, per_hour=per_hour, wanted=wanted, of_run=7)
    assert requests_left(run) == left


@pytest.mark.parametrize(
    ("spent", "counted", "left"),
    [
        (151, None, 150),
        (500, None, 150),
        (500, 0, 150),
        (560, 60, 90),
        (650, 150, 0),
        (700, 200, 0),
        (210, 60, 90),
        (1_100, 0, 76),
        (1_176, 0, 0),
        (1_200, 0, 0),
    ],
)
def test_an_eighth_of_the_hour_is_left_for_counts_whatever_reading_has_taken(
    spent: int, counted: int | None, left: int
) -> None:
    before = None if counted is None else 70
    run = a_run(spent=spent, per_hour=1200, of_run=70 + (counted or 0), before=before)
    assert requests_left(run) == left


@pytest.mark.parametrize(("share", "end"), [(1, 310), (0.5, 160), (0.001, 11)])
def test_a_list_ends_when_it_has_used_its_share(share: float, end: int) -> None:
    assert end_of(share, a_run(spent=0, per_hour=1200, of_run=10)) == end


def unnamed(rows: int, *, departed: int = 0) -> Account:
    account = Account({"leavers": packed_ids(range(1, departed + 1))} if departed else None)
    for number in range(1, rows + 1):
        account.add(number, moment=40_000)
    account.forget_ids()
    return account


@pytest.mark.parametrize(
    ("lacking", "is_explained"), [(4, False), (5, True), (60, True), (61, False)]
)
def test_rows_are_believed_to_have_left_with_people_if_about_as_many_are_lacking(
    lacking: int, *, is_explained: bool
) -> None:
    # Two of a hundred people had 20 of the thousand rows.
    departures = Departures(people=100, gone={1, 2})
    assert have_gone_along(lacking, unnamed(1000), departures) is is_explained


def test_without_departures_no_row_has_left_with_anybody() -> None:
    assert not have_gone_along(1, unnamed(1000), Departures(people=100))
    assert not have_gone_along(0, unnamed(1000), Departures())
    assert have_gone_along(20, unnamed(1000, departed=2), Departures(people=100))
