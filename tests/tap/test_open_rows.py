"""Open rows that go on many days are looked for by their projects, for all days at once."""

from __future__ import annotations

import copy
from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from tap_ft42.census.packing import packed, unpacked

from tests.sandboxes import running_sandbox
from tests.tap.published import ENROLMENTS, WORLD, Published

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.tap.running import Tap


@pytest.fixture(scope="module")
def busy(tap: Tap) -> Iterator[Published]:
    """A copy of enrolments of which a hundred are open on each of twenty days."""
    with running_sandbox(**WORLD) as sandbox:
        done = sandbox.truth_of(f"{ENROLMENTS}&filter[status]=finished", columns="id")
        for day in range(20):
            sandbox.update(
                "projects_users",
                [row["id"] for row in done[100 * day :][:100]],
                silent=True,
                created_at=f"2026-03-{1 + day:02}T12:00:00.000Z",
                status="in_progress",
            )
        yield Published(tap, sandbox)


PAGES = {"page_size": 10, "refresh_nights": 0}


def some_of_each_day(busy: Published, *places: int) -> None:
    """Let some open rows of each of the days go."""
    for day, rows in busy.by_day("in_progress").items():
        if datetime.fromordinal(day).month == 3 and len(rows) > 50:
            ids = [rows[place]["id"] for place in places]
            busy.sandbox.delete("projects_users", ids)


def test_open_rows_that_go_on_many_days_are_looked_for_by_their_projects(
    busy: Published,
) -> None:
    some_of_each_day(busy, 7)
    assert busy.night(**PAGES) < 60
    assert set(busy.rows) == busy.truth
    assert busy.audit["gone"] >= 15


@pytest.mark.few(1)
@pytest.mark.parametrize(("first", "page_size", "most"), [(2, 10, 95), (1, 4, 160)])
def test_many_open_rows_of_a_day_are_looked_for_in_several_deals_of_the_projects(
    busy: Published, first: int, page_size: int, most: int
) -> None:
    some_of_each_day(busy, *range(first, 42, 7))
    assert busy.night(refresh_nights=0, page_size=page_size) < most
    assert set(busy.rows) == busy.truth
    assert busy.audit["gone"] >= 90


def test_where_42_does_not_count_by_project_each_day_is_searched(busy: Published) -> None:
    graph = "/v2/projects_users/graph/on/:field/by/:interval"
    busy.sandbox.fault("missing", route=graph, query="filter[project_id]")
    some_of_each_day(busy, 9)
    assert busy.night(**PAGES) > 70
    assert "42 does not narrow it by filter[project_id]" in busy.last.log
    some_of_each_day(busy, 11)
    busy.night(**PAGES)
    busy.sandbox.clear_faults()
    assert "filter[project_id]" not in busy.last.log  # it is remembered for a month
    assert set(busy.rows) == busy.truth


@pytest.mark.few(1)
@pytest.mark.parametrize("place", [13, 17])
def test_a_day_whose_projects_do_not_add_up_to_it_is_searched_as_a_whole(
    busy: Published, place: int
) -> None:
    busy.forget_refusals()
    state = copy.deepcopy(busy.last.state)
    kept = state["bookmarks"]["projects_users"]["census"]
    kept["kinds"] = packed(10_000 if kind % 2 else kind for kind in unpacked(kept["kinds"]))
    if place == 17:  # as if an older version had written it
        del kept["kinds"]
    busy.last.messages.append({"type": "STATE", "value": state})
    some_of_each_day(busy, place)
    busy.night(**PAGES)
    assert set(busy.rows) == busy.truth


def test_days_with_rows_of_unknown_projects_do_not_tell_that_42_ignores_projects(
    busy: Published,
) -> None:
    busy.forget_refusals()
    state = copy.deepcopy(busy.last.state)
    kept = state["bookmarks"]["projects_users"]["census"]
    kept["kinds"] = packed(kind * (kind % 2) for kind in unpacked(kept["kinds"]))
    busy.last.messages.append({"type": "STATE", "value": state})
    some_of_each_day(busy, 19)
    busy.night(**PAGES)
    assert set(busy.rows) == busy.truth
    assert "filter[project_id]" not in busy.last.log
