"""Which plan of a killed run the next one follows, by a clock that the test moves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tap_ft42.declared.instants import from_milliseconds
from tap_ft42.reading.spool import Spool

from tests.tap.moved import Moved

if TYPE_CHECKING:
    from pathlib import Path

State = dict[str, Any]

BEGINS = 1_800_000_000.0
UNTIL = 1_800_000_000_000
LATER = UNTIL + 60_000
"""Instants up to which the killed run reads, and the next one."""


def marked(at: int, **others: object) -> State:
    """A state with a bookmark."""
    return {"replication_key_value": from_milliseconds(at), **others}


def loading(until: int) -> State:
    """What a state has of a first load."""
    return {"from_scratch": {"next_id": 7, "until": from_milliseconds(until)}}


@pytest.fixture
def clock() -> Moved:
    return Moved(BEGINS)


def opened(
    folder: Path, clock: Moved, *, has_state: bool = True, is_new: bool = False
) -> Spool:
    file = folder / f"{1:016x}.sqlite"
    return Spool(file, clock=clock, has_state=has_state, is_new=is_new)


def followed(folder: Path, clock: Moved, begun: State, now: State, **age: float) -> bool:
    """Whether a run that comes with a state follows the plan that a killed one began."""
    opened(folder, clock, is_new=True).follow("users", dict(begun), UNTIL)
    (stop,) = opened(folder, clock).follow("users", dict(now), LATER, **age)
    return stop == UNTIL


@pytest.mark.parametrize(
    ("begun", "now"),
    [
        ({}, {}),
        (marked(5), marked(5)),
        (marked(5), marked(6)),
        (marked(5), marked(UNTIL)),
        ({"replication_key_value": 5}, {"replication_key_value": 9}),
        ({}, loading(UNTIL)),
        (marked(5), marked(5, **loading(UNTIL))),
        (marked(5), marked(5, read_until=from_milliseconds(UNTIL - 1))),
    ],
)
def test_a_state_from_within_the_plan_follows_it(
    tmp_path: Path, clock: Moved, begun: State, now: State
) -> None:
    assert followed(tmp_path, clock, begun, now)


@pytest.mark.parametrize(
    ("begun", "now"),
    [
        (marked(5), {}),
        (marked(5), marked(4)),
        (marked(5), marked(UNTIL + 1)),
        ({}, marked(5)),
        ({"replication_key_value": 9}, {"replication_key_value": 5}),
        ({}, loading(UNTIL + 1)),
        (marked(5), loading(UNTIL)),
        (marked(5), marked(6, **loading(UNTIL))),
        ({}, {"read_until": from_milliseconds(UNTIL)}),
        (marked(5), marked(5, read_until=from_milliseconds(UNTIL))),
    ],
)
def test_a_state_from_elsewhere_begins_a_plan_of_its_own(
    tmp_path: Path, clock: Moved, begun: State, now: State
) -> None:
    assert not followed(tmp_path, clock, begun, now)


def test_who_follows_a_plan_begins_with_its_state(tmp_path: Path, clock: Moved) -> None:
    opened(tmp_path, clock).follow("users", marked(5, scope={"cursus_id": 21}), UNTIL)
    state = marked(6, read_until=from_milliseconds(7), served_at="kept")
    opened(tmp_path, clock).follow("users", state, LATER)
    assert state == marked(5, scope={"cursus_id": 21}, served_at="kept")


@pytest.mark.parametrize(("after", "stops"), [(900_000, 1), (900_001, 2)])
def test_a_window_up_to_now_follows_a_plan_of_more_than_a_quarter_of_an_hour(
    tmp_path: Path, clock: Moved, after: int, stops: int
) -> None:
    opened(tmp_path, clock).follow("users", {}, UNTIL)
    for _ in range(2):  # also if the run that added it is killed
        found = opened(tmp_path, clock).follow("users", {}, UNTIL + after)
        assert found == [UNTIL, UNTIL + after][:stops]


@pytest.mark.parametrize(
    ("passed", "longest", "is_followed"),
    [
        (86_399, 86_400, True),
        (86_400, 86_400, False),
        (86_401, 100_000, False),
        (899, 900, True),
        (900, 900, False),
        (-900, 900, True),  # a clock that is a little wrong
        (-901, 900, False),
    ],
)
def test_a_plan_is_followed_for_a_day_or_less(
    tmp_path: Path, clock: Moved, passed: float, longest: float, *, is_followed: bool
) -> None:
    opened(tmp_path, clock).follow("users", {}, UNTIL)
    clock.at += passed
    (stop,) = opened(tmp_path, clock).follow("users", {}, LATER, longest)
    assert (stop == UNTIL) is is_followed


def test_a_plan_that_was_followed_to_its_end_is_over_once_its_state_is_back(
    tmp_path: Path, clock: Moved
) -> None:
    spool = opened(tmp_path, clock)
    spool.follow("users", marked(5), UNTIL)
    spool.end("users", marked(6), is_full=False)
    assert opened(tmp_path, clock).follow("users", marked(5), LATER) == [UNTIL]
    spool = opened(tmp_path, clock)
    spool.end("users", marked(6), is_full=False)
    assert opened(tmp_path, clock).follow("users", marked(6), LATER) == [LATER]


@pytest.mark.parametrize(("has_state", "is_full"), [(True, True), (False, False)])
def test_nothing_is_left_of_a_plan_at_its_end_if_no_state_tells_it(
    tmp_path: Path, clock: Moved, *, has_state: bool, is_full: bool
) -> None:
    spool = opened(tmp_path, clock, has_state=has_state)
    spool.follow("users", {}, UNTIL)
    spool.end("users", {}, is_full=is_full)
    spool.tidy()
    assert list(tmp_path.iterdir()) == []


def test_a_plan_that_pauses_goes_on_from_its_later_state(tmp_path: Path, clock: Moved) -> None:
    spool = opened(tmp_path, clock)
    spool.follow("users", marked(5), UNTIL)
    spool.pause("users", marked(9))
    assert opened(tmp_path, clock).follow("users", marked(8), LATER) == [LATER]
