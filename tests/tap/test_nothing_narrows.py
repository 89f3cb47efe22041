"""A list that no range narrows is complete, and ends early where its order is known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.tap.pretended import Pretended, Row, record_of
from tests.tap.proofs import AT_ONCE, a_day_later, named

if TYPE_CHECKING:
    from tests.tap.running import Run, Tap
    from tests.tap.scripted import ScriptedApi

STREAM = "achievements_users"
BADGES = "/v2/achievements_users"
RANGES = ["range[id]", "range[updated_at]"]
ROWS, PAGE = 120, 10
NOW = datetime.now(UTC)


def at(**ago: float) -> str:
    return f"{NOW - timedelta(**ago):%Y-%m-%dT%H:%M:%S}.000Z"


def badge(number: int, *, is_changed: bool) -> Row:
    created = at(days=2000 - 3 * number)
    updated = at(days=100 + number % 13 * 7, minutes=number) if is_changed else created
    return record_of(STREAM, id=number, created_at=created, updated_at=updated)


def badges(*, are_changed: bool = True, **deviations: Any) -> Pretended:  # noqa: ANN401 - those of `Pretended`
    rows = [badge(number, is_changed=are_changed) for number in range(1, ROWS + 1)]
    return Pretended(rows, **deviations)


def changed(there: Pretended, *numbers: int) -> None:
    there.rows = [
        row | {"updated_at": at(seconds=90)} if row["id"] in numbers else row
        for row in there.rows
    ]


def came(run: Run) -> set[int]:
    return set(run.ids(STREAM))


@pytest.mark.few(1)
@pytest.mark.parametrize(
    "deviations",
    [
        {"refused": RANGES},
        {"ignored": RANGES},
        {"refused": [*RANGES, "sort"], "by_itself": "-updated_at"},
        {"ignored": [*RANGES, "sort"], "by_itself": "-updated_at"},
    ],
    ids=str,
)
def test_a_later_read_ends_where_nothing_is_new(
    tap: Tap, api: ScriptedApi, deviations: dict[str, Any]
) -> None:
    there = badges(**deviations)
    api.script[BADGES] = there
    here = tap.pointed_at(api, page_size=PAGE, census_hour=-1)
    first = here.run(STREAM)
    assert came(first) == set(range(1, ROWS + 1))
    state = first.state
    for number in (3, 77):
        changed(there, number)
        there.asked.clear()
        later = here.run(STREAM, state=state)
        state = later.state
        assert number in came(later)
    assert len(there.asked) <= 4


@pytest.mark.few(1)
@pytest.mark.parametrize("by_itself", ["-id", "-created_at"])
def test_an_order_that_only_looks_like_that_of_changes_loses_none(
    tap: Tap, api: ScriptedApi, by_itself: str
) -> None:
    there = badges(are_changed=False, ignored=[*RANGES, "sort"], by_itself=by_itself)
    api.script[BADGES] = there
    here = tap.pointed_at(api, page_size=PAGE, census_hour=-1)
    first = here.run(STREAM)
    changed(there, 2)
    assert 2 in came(here.run(STREAM, state=first.state))


def test_where_no_order_is_known_all_of_it_is_read_and_that_is_told(
    tap: Tap, api: ScriptedApi
) -> None:
    there = badges(refused=[*RANGES, "sort"])
    api.script[BADGES] = there
    here = tap.pointed_at(api, page_size=PAGE, census_hour=-1)
    first = here.run(STREAM)
    changed(there, 5)
    there.asked.clear()
    second = here.run(STREAM, state=first.state)
    assert 5 in came(second)
    assert ROWS // PAGE <= len(there.asked) <= ROWS // PAGE + 4
    assert any(
        "All of it is read each time" in line for line in first.warnings + second.warnings
    )


@pytest.mark.few(1)
@pytest.mark.parametrize("deviations", [{"refused": [*RANGES, "sort"]}, {"ignored": RANGES}])
def test_what_is_gone_is_found_by_comparing_all_of_it(
    tap: Tap, api: ScriptedApi, deviations: dict[str, Any]
) -> None:
    there = badges(**deviations)
    api.script[BADGES] = there
    here = tap.pointed_at(api, page_size=PAGE, **AT_ONCE)
    first = here.run(STREAM, "census")
    gone = {1, 60, ROWS}
    there.rows = [row for row in there.rows if row["id"] not in gone]
    night = here.run(STREAM, "census", state=a_day_later(first.state))
    assert named(night, STREAM, set(range(1, ROWS + 1))) == gone
