"""An API whose ranges leave their bounds out loses no row, and no row is taken for gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.tap.pretended import Pretended, Row, record_of
from tests.tap.proofs import AT_ONCE, a_day_later, named

if TYPE_CHECKING:
    from tests.tap.running import Run, Tap
    from tests.tap.scripted import ScriptedApi

STREAM = "achievements_users"
BADGES = "/v2/achievements_users"
ROWS = 130
PAGE = 10
SORT = ["sort"]
LEFT_OUT = "42 leaves out"


def badge(number: int) -> Row:
    # Most of them lie in two seconds, as after a batch edit.
    milliseconds = number * 15
    at = f"2025-03-01T00:00:{milliseconds // 1000:02}.{milliseconds % 1000:03}Z"
    return record_of(STREAM, id=number, created_at=at, updated_at=at)


def badges(**deviations: Any) -> Pretended:  # noqa: ANN401 - those of `Pretended`
    return Pretended([badge(number) for number in range(1, ROWS + 1)], **deviations)


def came(run: Run) -> set[int]:
    return set(run.ids(STREAM))


def points(there: Pretended) -> list[str]:
    """The ranges of a single id that were asked for."""
    ranges = (asked.query.get("range[id]", "0,1") for asked in there.asked)
    return [written for written in ranges if len(set(written.split(","))) == 1]


@pytest.mark.few(2)
@pytest.mark.parametrize(
    "deviations",
    [
        {"bounds": "none"},
        {"bounds": "lower"},
        {"bounds": "upper"},
        {"bounds": "none", "refused": SORT},
        {"bounds": "none", "ignored": SORT},
        {"bounds": "none", "tells_totals": False},
        {"bounds": "upper", "ignored": SORT, "tells_totals": False},
        {"bounds": "none", "refused": ["range[id]"]},
        {"bounds": "none", "refused": ["range[id]", *SORT]},
        {"cuts_instants": True, "refused": ["range[id]"]},
        {"cuts_instants": True, "refused": ["range[id]", *SORT]},
    ],
    ids=str,
)
def test_no_row_at_a_bound_is_lost_and_none_is_taken_for_gone(
    tap: Tap, api: ScriptedApi, deviations: dict[str, Any]
) -> None:
    there = badges(**deviations)
    api.script[BADGES] = there
    here = tap.pointed_at(api, page_size=PAGE, **AT_ONCE)
    first = here.run(STREAM, "census")
    assert came(first) == set(range(1, ROWS + 1))
    assert sum(LEFT_OUT in line for line in first.warnings) <= 1

    gone = {1, 40, 41, ROWS}
    there.rows = [row for row in there.rows if row["id"] not in gone]
    night = here.run(STREAM, "census", state=a_day_later(first.state))
    lost = named(night, STREAM, set(range(1, ROWS + 1)))
    assert lost == (gone if "cannot be counted" not in night.log else set())


@pytest.mark.few(1)
@pytest.mark.parametrize("bounds", ["none", "lower", "upper"])
def test_it_is_found_out_once_a_month(tap: Tap, api: ScriptedApi, bounds: str) -> None:
    there = badges(bounds=bounds)
    api.script[BADGES] = there
    here = tap.pointed_at(api, page_size=PAGE, **AT_ONCE)
    first = here.run(STREAM, "census")
    (told,) = (line for line in first.warnings if LEFT_OUT in line)
    assert "This is remembered for a month" in told
    kept = first.state["bookmarks"][STREAM]["capabilities"][BADGES]
    assert kept["bounds"]["is"] == bounds
    there.asked.clear()
    night = here.run(STREAM, "census", state=a_day_later(first.state))
    assert night.warnings == []
    assert all(
        len(set(asked.query["range[id]"].split(","))) == 2
        for asked in there.asked
        if "range[id]" in asked.query
    )


def test_an_api_that_includes_them_is_asked_once(tap: Tap, api: ScriptedApi) -> None:
    there = badges()
    api.script[BADGES] = there
    here = tap.pointed_at(api, page_size=PAGE, **AT_ONCE)
    first = here.run(STREAM, "census")
    assert len(points(there)) == 1
    there.asked.clear()
    here.run(STREAM, "census", state=a_day_later(first.state))
    assert points(there) == []
