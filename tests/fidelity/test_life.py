"""Life goes on: what changes, what does not say so, and what it does to a reader."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from ft42_sandbox.life import EVENT_RATES, busyness

from tests.sandboxes import running_sandbox

if TYPE_CHECKING:
    from ft42_sandbox.testing import RunningSandbox

DAY = 86_400
TABLES = (
    "users",
    "cursus_users",
    "campus_users",
    "projects_users",
    "achievements_users",
    "coalitions_users",
    "coalitions",
)
# Fields that other rows lend to a row: they change without the row being changed.
LENT = ("user", "teams", "login", "url", "project", "cursus")


def state(sandbox: RunningSandbox) -> dict[tuple[str, int], dict[str, Any]]:
    """Every row by its table and id, without what it borrows."""
    return {
        (table, row["id"]): {k: v for k, v in row.items() if k not in LENT}
        for table in TABLES
        for row in sandbox.truth(table)
    }


@pytest.mark.slow
def test_what_is_told_to_have_changed_is_what_changed(mutable: RunningSandbox) -> None:
    before = state(mutable)
    changes = mutable.live(seconds=3 * DAY, seed=5)
    after = state(mutable)
    told = {(c["table"], c["id"]) for c in changes}
    moved = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    assert moved <= told
    born = {(c["table"], c["id"]) for c in changes if c["op"] == "insert"}
    gone = {(c["table"], c["id"]) for c in changes if c["op"] == "delete"}
    assert after.keys() - before.keys() == born - gone
    assert before.keys() - after.keys() == gone - born


def test_a_silent_change_leaves_updated_at_alone(mutable: RunningSandbox) -> None:
    before = state(mutable)
    changes = mutable.live(seconds=2 * DAY, seed=6, advance=True)
    after = state(mutable)
    told: dict[tuple[str, int], set[bool]] = {}
    for change in changes:
        told.setdefault((change["table"], change["id"]), set()).add(change["silent"])
    silent = (
        {key for key, ways in told.items() if ways == {True}} & before.keys() & after.keys()
    )
    assert {"users", "coalitions_users"} <= {table for table, _ in silent}
    assert any(before[key] != after[key] for key in silent)
    for key in silent:
        assert before[key].get("updated_at") == after[key].get("updated_at")
    loud = {key for key, ways in told.items() if ways == {False}} & before.keys() & after.keys()
    assert loud
    for key in loud - {key for key in loud if key[0] == "coalitions"}:
        assert before[key]["updated_at"] < after[key]["updated_at"]


@pytest.mark.slow
def test_updated_at_never_goes_backwards(mutable: RunningSandbox) -> None:
    for seed in range(3):
        before = state(mutable)
        mutable.live(seconds=DAY, seed=seed)
        after = state(mutable)
        for key in before.keys() & after.keys():
            was, now = (row.get("updated_at", "") for row in (before[key], after[key]))
            assert was <= now


def test_changes_lie_in_the_time_that_was_lived(mutable: RunningSandbox) -> None:
    start = mutable.control("GET", "clock")["now"]
    changes = mutable.live(seconds=DAY, within=5)
    end = mutable.control("GET", "clock")["now"]
    assert changes
    told = mutable.control("GET", f"changes?since={changes[0]['at']}")
    assert [c["seq"] for c in told][-1] == changes[-1]["seq"]
    assert all(c["at"] <= end for c in changes)
    assert max(c["at"] for c in changes) >= start[:10]


@pytest.mark.slow
def test_the_same_seed_lives_the_same_life() -> None:
    lives = []
    for _ in range(2):
        with running_sandbox(users=120, enrolments=900, seed=3) as sandbox:
            sandbox.control("POST", "clock", {"freeze": True, "set": "2026-11-01T12:00:00Z"})
            lives.append(sandbox.live(seconds=DAY, seed=9))
    assert lives[0] == lives[1]
    assert lives[0]


def test_a_day_changes_as_many_users_as_were_counted() -> None:
    counted = {"visit": 6_746 / 40_341, "disappear": 36 / 40_341, "activity": 234 / 40_341}
    daily = {rate.name: rate.daily for rate in EVENT_RATES}
    assert daily["visit"] + daily["touch"] == pytest.approx(counted["visit"])
    assert daily["disappear"] == pytest.approx(counted["disappear"])
    assert daily["activity"] == pytest.approx(counted["activity"])


def test_a_day_has_quiet_and_busy_hours() -> None:
    hours = [busyness(hour * 3_600_000_000) for hour in range(24)]
    assert sum(hours) / 24 == pytest.approx(1, abs=0.02)
    assert min(hours) == pytest.approx(12 / (6_746 / 96), abs=0.01)


def test_every_kind_of_event_can_be_asked_for(mutable: RunningSandbox) -> None:
    everything = {rate.name: 5 for rate in EVENT_RATES}
    changes = mutable.live(events=everything, seed=1)
    happened = Counter(change["event"] for change in changes)
    assert set(happened) == set(everything)
    assert happened["visit"] == 5
    gone = {c["id"] for c in changes if c["op"] == "delete" and c["table"] == "users"}
    assert gone
    for user in gone:
        assert mutable.get(f"/v2/users/{user}").status == 404
    assert not gone & {row["user"]["id"] for row in mutable.truth("projects_users")}
    assert any(u["login"].startswith("3b3-") for u in mutable.truth("users"))


def test_a_retry_keeps_the_old_mark_and_adds_a_team(mutable: RunningSandbox) -> None:
    before = {row["id"]: row for row in mutable.truth("projects_users")}
    changes = mutable.live(seconds=20 * DAY, seed=2)
    retried = [c["id"] for c in changes if c["event"] == "retry"]
    once = [i for i in retried if i in before and [c["id"] for c in changes].count(i) == 1]
    after = {row["id"]: row for row in mutable.truth("projects_users")}
    assert once
    for number in once:
        old, new = before[number], after[number]
        assert new["status"] == "in_progress"
        assert new["final_mark"] == old["final_mark"]
        assert new["occurrence"] == old["occurrence"] + 1
        assert [t["id"] for t in new["teams"][:-1]] == [t["id"] for t in old["teams"]]


@pytest.mark.slow
def test_pages_move_under_the_reader_when_life_goes_on_between_them() -> None:
    with running_sandbox(
        users=300,
        enrolments=4_000,
        life="requests",
        life_seconds_per_request=6 * 3600,
    ) as sandbox:
        path = "/v2/projects_users?page[size]=100&page[number]="
        ids = [i for page in range(1, 41) for i in sandbox.get(f"{path}{page}").ids]
        assert len(set(ids)) < len(ids)


def test_life_follows_a_clock_that_is_moved() -> None:
    with running_sandbox(users=300, enrolments=2_000, life="clock") as sandbox:
        sandbox.control("POST", "clock", {"freeze": True})
        start = sandbox.control("POST", "clock", {"move": 0})["now"]
        end = sandbox.control("POST", "clock", {"move": 3 * DAY})["now"]
        changes = sandbox.control("GET", f"changes?since={start}")
        assert len({change["event"] for change in changes}) > 5
        assert all(start <= change["at"] <= end for change in changes)


@pytest.mark.slow
def test_every_page_border_drifts_if_the_events_between_requests_say_so(
    mutable: RunningSandbox,
) -> None:
    whole = len(mutable.truth("projects_users"))
    usual = mutable.control("GET", "settings")
    mutable.configure(life="requests", life_events_per_request={"unregister": 1, "enrol": 1})
    before = mutable.control("GET", "changes")[-1]["seq"]
    try:
        for page in range(1, 6):
            mutable.get(f"/v2/projects_users?sort=id&page[size]=50&page[number]={page}")
    finally:
        mutable.control("POST", "settings", usual)
    told = mutable.control("GET", f"changes?after={before}")
    assert Counter(c["op"] for c in told) == {"insert": 5, "delete": 5}
    assert len(mutable.truth("projects_users")) == whole


def test_the_clock_is_set_moved_frozen_and_resumed(mutable: RunningSandbox) -> None:
    frozen = mutable.control("POST", "clock", {"freeze": True, "set": "2027-01-01T00:00:00Z"})
    assert frozen["now"] == "2027-01-01T00:00:00.000Z"
    moved = mutable.control("POST", "clock", {"move": 90})
    assert moved["now"] == "2027-01-01T00:01:30.000Z"
    mutable.update("users", mutable.get("/v2/users").ids[0], wallet=7)
    assert mutable.get("/v2/users?sort=-updated_at").json()[0]["updated_at"] == moved["now"]
    assert not mutable.control("POST", "clock", {"freeze": False})["frozen"]
    mutable.control("POST", "clock", {"move": -60 * DAY})


@pytest.mark.slow
def test_life_goes_on_when_nobody_is_left() -> None:
    with running_sandbox(users=50, enrolments=100, achievements_per_user=1) as sandbox:
        sandbox.live(events={"disappear": 1000})
        students = "/v2/users?filter[kind]=student&filter[alumni?]=false"
        assert sandbox.get(students).json() == []
        everything = {rate.name: 1 for rate in EVENT_RATES}
        sandbox.configure(life="requests", life_events_per_request=everything)
        for page in range(1, 4):
            assert sandbox.get(f"/v2/projects_users?page[number]={page}").status == 200
