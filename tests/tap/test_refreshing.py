"""Reference data that did not change costs a request a stream, or none."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tap_ft42.declared.instants import DAY, HOUR
from tap_ft42.planning.refresh import is_due, note_refresh

from tests.tap.scripted import paged

if TYPE_CHECKING:
    from ft42_sandbox.testing import RunningSandbox

    from tests.tap.running import Run, Tap
    from tests.tap.scripted import ScriptedApi

State = dict[str, Any]

PATHS = {
    "cursus": "/v2/cursus",
    "campuses": "/v2/campus",
    "projects": "/v2/cursus/:id/projects",
    "achievements": "/v2/achievements",
    "blocs": "/v2/blocs",
    "coalitions": "/v2/coalitions",
}
KNOWS_CHANGES = {"projects", "achievements"}
AT_ONCE: dict[str, Any] = {"settle_seconds": 0, "overlap_seconds": 0}


def asked(sandbox: RunningSandbox) -> Counter[str]:
    counts = Counter(
        {
            route.removeprefix("GET "): traffic["count"]
            for route, traffic in sandbox.requests()["routes"].items()
            if route != "token"
        }
    )
    sandbox.reset_requests()
    return counts


def aged(state: State, hours: float) -> State:
    """The state as it would be if its full reads were older."""
    for bookmark in state["bookmarks"].values():
        for reader, at in bookmark.get("refreshed_at", {}).items():
            earlier = datetime.fromisoformat(at) - timedelta(hours=hours)
            written = earlier.astimezone(UTC).isoformat(timespec="milliseconds")
            bookmark["refreshed_at"][reader] = written.replace("+00:00", "Z")
    return state


@pytest.mark.few(2)
@pytest.mark.parametrize("stream", PATHS)
def test_what_did_not_change_costs_one_request_or_none(
    tap: Tap, sandbox: RunningSandbox, stream: str
) -> None:
    here = tap.pointed_at(sandbox)
    first = here.run(stream)
    assert first.ids(stream)
    asked(sandbox)
    second = here.run(stream, state=first.state)
    assert asked(sandbox)[PATHS[stream]] == (1 if stream in KNOWS_CHANGES else 0)
    assert second.records(stream) == []
    assert second.state["bookmarks"][stream]["refreshed_at"]


@pytest.mark.few(1)
@pytest.mark.parametrize("stream", sorted(KNOWS_CHANGES))
@pytest.mark.parametrize("changes", [1, 60])
def test_what_changed_comes_by_itself(
    tap: Tap, mutable: RunningSandbox, stream: str, changes: int
) -> None:
    here = tap.pointed_at(mutable, page_size=25, **AT_ONCE)
    first = here.run(stream)
    changed = sorted(set(first.ids(stream)))[10 : 10 + changes]
    for row in changed:
        mutable.update(stream, row, name=f"Renamed {row} of {changes}")
    asked(mutable)
    second = here.run(stream, state=first.state)
    assert set(second.ids(stream)) >= set(changed)
    renamed = {row["id"]: row["name"] for row in second.records(stream)}
    assert all(renamed[row] == f"Renamed {row} of {changes}" for row in changed)
    assert sum(asked(mutable).values()) <= 12


@pytest.mark.few(1)
@pytest.mark.parametrize("stream", PATHS)
def test_a_full_read_that_is_too_old_is_repeated(
    tap: Tap, sandbox: RunningSandbox, stream: str
) -> None:
    here = tap.pointed_at(sandbox)
    first = here.run(stream)
    second = here.run(stream, state=aged(first.state, 1000))
    assert set(second.ids(stream)) == set(first.ids(stream))
    asked(sandbox)
    here.run(stream, state=second.state)
    assert sum(asked(sandbox).values()) <= 1


def test_a_job_that_begins_some_minutes_earlier_each_night_does_not_slip(
    tap: Tap, sandbox: RunningSandbox
) -> None:
    here = tap.pointed_at(sandbox, census_hour=-1)
    first = here.run("coalitions")
    night = here.run("coalitions", state=aged(first.state, 23.5))
    assert night.records("coalitions")
    quarter = here.run("coalitions", state=aged(night.state, 20))
    assert not quarter.records("coalitions")


def test_a_list_of_each_day_is_read_by_the_first_night_after_a_load(
    tap: Tap, sandbox: RunningSandbox
) -> None:
    """What the census of the night compares with it is then of the same night."""
    here = tap.pointed_at(sandbox, census_hour=datetime.now(UTC).hour)
    first = here.run("coalitions")
    night = here.run("coalitions", state=aged(first.state, 2))
    assert night.records("coalitions")
    quarter = here.run("coalitions", state=night.state)
    assert not quarter.records("coalitions")


@pytest.mark.parametrize(("hours", "after"), [(10, 9), (20, 18), (168, 166), (0.5, 0.45)])
def test_a_full_read_is_due_a_tenth_of_its_interval_early_or_two_hours(
    hours: float, after: float
) -> None:
    at = 20_000 * DAY
    state: State = {}
    note_refresh(state, now=at, scope={}, readers=["blocs"], rows=7)

    def due(age: int) -> bool:
        return is_due(state, now=at + age, hours=hours, scope={}, readers=["blocs"])

    milliseconds = round(after * HOUR)
    assert not due(0)
    assert not due(milliseconds - 1)
    assert due(milliseconds)
    assert due(-1)  # a wrong clock wrote it


@pytest.mark.parametrize(("age", "is_read"), [(165.5, False), (166.5, True)])
def test_a_week_is_no_more_than_two_hours_shorter(
    tap: Tap, sandbox: RunningSandbox, age: float, *, is_read: bool
) -> None:
    here = tap.pointed_at(sandbox, refresh_hours={"blocs": 168})
    first = here.run("blocs")
    assert bool(here.run("blocs", state=aged(first.state, age)).records("blocs")) is is_read


@pytest.mark.few(1)
@pytest.mark.parametrize(("hours", "is_read"), [(0, True), (12, True), (48, False)])
def test_the_interval_is_a_setting(
    tap: Tap, sandbox: RunningSandbox, hours: int, is_read: bool
) -> None:
    here = tap.pointed_at(sandbox, refresh_hours={"coalitions": hours})
    first = here.run("coalitions")
    second = here.run("coalitions", state=aged(first.state, 13))
    assert bool(second.records("coalitions")) is is_read


@pytest.mark.parametrize("value", [{"users": 3}, {"blocs": -1}, {"blocs": "daily"}, 24])
def test_an_interval_that_cannot_be_is_refused(
    tap: Tap, api: ScriptedApi, value: object
) -> None:
    run = tap.pointed_at(api).fail("blocs", refresh_hours=value)
    assert api.asked == []
    assert any("| ERROR " in line for line in run.log.splitlines())


@pytest.mark.few(1)
@pytest.mark.parametrize(
    ("parent", "child"), [("campuses", "projects_users"), ("coalitions", "coalitions_users")]
)
def test_children_are_read_although_their_parents_are_not(
    tap: Tap, mutable: RunningSandbox, parent: str, child: str
) -> None:
    here = tap.pointed_at(mutable, **AT_ONCE)
    first = here.run(parent, child)
    changed = sorted(set(first.ids(child)))[:5]
    for row in changed:
        mutable.update(child, row)
    asked(mutable)
    second = here.run(parent, child, state=first.state)
    assert asked(mutable)[PATHS[parent]] == 0
    assert set(second.ids(child)) >= set(changed)


def test_parents_are_read_for_each_stream_that_wants_them(
    tap: Tap, mutable: RunningSandbox
) -> None:
    # As in the two jobs: one emits the campuses, the other one needs to know them.
    here = tap.pointed_at(mutable, **AT_ONCE)
    live = here.run("projects_users")
    listed = {row["id"] for row in mutable.truth("campus")}
    known = {row["id"] for row in mutable.truth("campus", hidden="true")}
    opened = min(known - listed)
    mutable.update("campus", opened, public=True, active=True)
    reference = here.run("campuses", state=aged(live.state, 30))
    assert opened in reference.ids("campuses")
    live = here.run("projects_users", state=reference.state)
    partitions = live.state["bookmarks"]["projects_users"]["partitions"]
    assert opened in {partition["context"]["campus_id"] for partition in partitions}


def test_a_scope_that_changes_is_read_at_once(tap: Tap, sandbox: RunningSandbox) -> None:
    here = tap.pointed_at(sandbox)
    first = here.run("projects_users", campus_ids=[1])
    second = here.run("projects_users", campus_ids=[1, 29], state=first.state)
    assert 29 in {row["campus_id"] for row in second.records("projects_users")}


def test_a_scope_that_shrinks_asks_for_no_more_than_it_holds(
    tap: Tap, sandbox: RunningSandbox
) -> None:
    here = tap.pointed_at(sandbox)
    first = here.run("projects_users", campus_ids=[1, 29])
    second = here.run("projects_users", campus_ids=[29], state=first.state)
    asked(sandbox)
    here.run("projects_users", campus_ids=[29], state=second.state)
    assert asked(sandbox) == {"/v2/projects_users": 1}


@pytest.mark.slow
def test_a_run_that_was_cut_short_is_no_full_read(tap: Tap, sandbox: RunningSandbox) -> None:
    here = tap.pointed_at(sandbox, page_size=50)
    whole = set(here.run("achievements").ids("achievements"))
    cut = here.run("achievements", max_requests=4)
    rest = here.run("achievements", state=cut.state)
    assert {*cut.ids("achievements"), *rest.ids("achievements")} == whole


def test_parents_that_42_no_longer_lists_are_forgotten(tap: Tap, api: ScriptedApi) -> None:
    def coalition(number: int) -> dict[str, Any]:
        return {
            "id": number, "name": "A", "slug": "a", "image_url": None, "cover_url": None,
            "color": None, "score": 0, "user_id": None,
        }  # fmt: skip

    api.script["/v2/coalitions"] = paged([coalition(1), coalition(2)])
    for number in (1, 2):
        api.script[f"/v2/coalitions/{number}/coalitions_users"] = paged([])
    here = tap.pointed_at(api)
    first = here.run("coalitions_users")
    api.script["/v2/coalitions"] = paged([coalition(2)])
    del api.script["/v2/coalitions/1/coalitions_users"]
    second = here.run("coalitions_users", state=aged(first.state, 48))
    third = here.run("coalitions_users", state=second.state)
    partitions = third.state["bookmarks"]["coalitions_users"]["partitions"]
    assert [partition["context"]["coalition_id"] for partition in partitions] == [2]


def test_a_list_without_ranges_after_all_is_read_in_full(tap: Tap, api: ScriptedApi) -> None:
    rows: list[dict[str, Any]] = [
        {
            "id": number, "name": "A", "description": "", "tier": "none", "kind": "project",
            "visible": True, "image": None, "nbr_of_success": None, "users_url": "",
            "achievements": [], "parent": None, "title": None, "campus": [],
        }
        for number in range(1, 8)
    ]  # fmt: skip
    api.script["/v2/achievements"] = paged(rows)
    here = tap.pointed_at(api, page_size=3)
    first = here.run("achievements")
    second: Run = here.run("achievements", state=first.state)
    assert set(second.ids("achievements")) == set(range(1, 8))
