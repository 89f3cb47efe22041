"""A backfill brings a window of the past, beside the live bookmarks and not in their way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tap_ft42.declared.instants import from_milliseconds
from tap_ft42.planning.backfill import Backfill

from tests.sandboxes import running_sandbox
from tests.tap.interrupted import in_bounded_runs, killed
from tests.tap.proofs import AT_ONCE, a_day_later, asked, named
from tests.tap.running import written

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from ft42_sandbox.testing import RunningSandbox

    from tests.tap.running import Row, Run, Tap

START, END = "2025-06-01", "2026-06-01"
WINDOW: dict[str, Any] = {"start_date": START, "end_date": END}
IN_FULL = {
    "cursus", "campuses", "achievements", "campus_achievements", "blocs", "coalitions",
}  # fmt: skip
INCREMENTAL = (
    "projects", "users", "projects_users", "campus_users", "coalitions_users",
    "achievements_users", "cursus_users",
)  # fmt: skip


def truth(sandbox: RunningSandbox) -> dict[str, set[int]]:
    """The rows whose last change lies in the window, by stream."""
    there = "/v2/cursus/21"
    lists = {
        "projects": f"{there}/projects",
        "users": f"{there}/users?filter[kind]=student&filter[alumni?]=false",
        "projects_users": "/v2/projects_users?filter[cursus]=21",
        "campus_users": "/v2/campus_users",
        "cursus_users": f"{there}/cursus_users",
        "coalitions_users": "/v2/coalitions_users",
        "achievements_users": "/v2/achievements_users",
    }
    return {
        stream: {
            row["id"] for row in sandbox.truth_of(path) if START <= row["updated_at"] <= END
        }
        for stream, path in lists.items()
    }


def live_part(state: Mapping[str, Any]) -> Row:
    """What a state says but of backfills and of the tap's own streams."""
    return {
        stream: part
        for stream, part in state["bookmarks"].items()
        if part and stream != "backfill"
    }


@pytest.fixture
def here(tap: Tap, sandbox: RunningSandbox) -> Tap:
    return tap.pointed_at(sandbox, **AT_ONCE)


@pytest.fixture(scope="module")
def live(tap: Tap, quiet_sandbox: RunningSandbox) -> Run:
    """A load of everything."""
    return tap.pointed_at(quiet_sandbox, **AT_ONCE).run()


@pytest.fixture(scope="module")
def filled(tap: Tap, quiet_sandbox: RunningSandbox, live: Run) -> Run:
    """A backfill in the state of the live runs, as of somebody who forgets the suffix."""
    return tap.pointed_at(quiet_sandbox, **AT_ONCE).run(
        *INCREMENTAL, *IN_FULL, "census", "sync_runs", "sync_requests",
        state=live.state, **WINDOW,
    )  # fmt: skip


@pytest.mark.few(1)
@pytest.mark.parametrize("stream", INCREMENTAL)
def test_it_brings_the_rows_that_last_changed_in_the_window(
    filled: Run, quiet_sandbox: RunningSandbox, stream: str
) -> None:
    expected = truth(quiet_sandbox)[stream]
    assert set(filled.ids(stream)) == expected
    assert expected or stream == "campus_users"


def test_of_streams_without_bookmarks_only_parents_come(filled: Run) -> None:
    assert {stream for stream in IN_FULL if filled.records(stream)} == {
        "campuses",
        "coalitions",
    }


def test_a_live_bookmark_moves_neither_back_nor_forward(live: Run, filled: Run) -> None:
    assert live_part(filled.state) == live_part(live.state)


def test_the_next_live_run_reads_what_it_would_have_read(
    here: Tap, sandbox: RunningSandbox, live: Run, filled: Run
) -> None:
    streams = ("users", "projects_users", "achievements_users", "census")
    without = here.run(*streams, state=live.state)
    needed = asked(sandbox)
    after = here.run(*streams, state=filled.state)
    assert asked(sandbox) == needed
    for stream in streams[:3]:
        assert after.ids(stream) == without.ids(stream)


def test_no_row_is_judged_by_a_window(filled: Run) -> None:
    assert filled.records("census") == []


def test_a_live_run_keeps_the_position_of_a_backfill(here: Tap, filled: Run) -> None:
    run = here.run("cursus", state=filled.state)
    assert run.state["bookmarks"]["backfill"] == filled.state["bookmarks"]["backfill"]


def test_a_finished_one_asks_for_nothing_and_says_so(
    here: Tap, sandbox: RunningSandbox, filled: Run
) -> None:
    run = here.run(*INCREMENTAL, "census", state=filled.state, **WINDOW)
    assert asked(sandbox) == 0
    assert "The backfill from 2025-06-01T00:00:00.000Z to" in run.log
    assert "is done" in run.log
    assert run.state["bookmarks"]["backfill"] == filled.state["bookmarks"]["backfill"]


def test_another_window_is_read_from_its_own_beginning(
    here: Tap, sandbox: RunningSandbox, filled: Run
) -> None:
    run = here.run("users", state=filled.state, start_date="2024-06-01", end_date=START)
    students = sandbox.truth_of(
        "/v2/cursus/21/users?filter[kind]=student&filter[alumni?]=false"
    )
    expected = {row["id"] for row in students if "2024-06-01" <= row["updated_at"] <= START}
    assert set(run.ids("users")) == expected != set()


@pytest.mark.slow
@pytest.mark.parametrize("campus_ids", [None, [1, 29]], ids=str)
def test_a_plan_says_what_it_costs_and_what_is_done(
    here: Tap, sandbox: RunningSandbox, tmp_path: Path, campus_ids: list[int] | None
) -> None:
    settings = {**WINDOW, "campus_ids": campus_ids}
    told = here.call("plan", **settings).output
    asked(sandbox)
    run = here.run("rejected_records", *plan_of(told), **settings)
    about = sum(plan_of(told).values())
    assert about == pytest.approx(asked(sandbox), rel=0.2, abs=3)
    done = here.call(
        "plan", "--state", written(tmp_path / "state.json", run.state), **settings
    ).output
    assert sum(plan_of(done).values()) == 0


def plan_of(told: str) -> dict[str, int]:
    """The requests of the streams in a plan."""
    lines = [line.split() for line in told.split("\n\n", maxsplit=1)[0].splitlines()[1:]]
    return {words[0]: int(words[-1]) for words in lines}


def test_a_run_says_which_window_it_was(filled: Run, live: Run) -> None:
    (row,) = filled.records("sync_runs")
    assert row["start_date"] == "2025-06-01T00:00:00.000Z"
    assert row["end_date"] == "2026-06-01T00:00:00.000Z"
    (row,) = live.records("sync_runs")
    assert (row["start_date"], row["end_date"]) == (None, None)


@pytest.mark.slow
@pytest.mark.parametrize("campus_ids", [None, [1, 29]], ids=str)
def test_it_goes_on_where_its_budget_ended(
    here: Tap, sandbox: RunningSandbox, campus_ids: list[int] | None
) -> None:
    settings = {**WINDOW, "campus_ids": campus_ids, "page_size": 20}
    streams = ("users", "projects_users", "achievements_users")
    whole = here.run(*streams, **settings)
    needed = asked(sandbox)
    runs = in_bounded_runs(here, *streams, max_requests=max(4, needed // 3), **settings)
    assert len(runs) > 1
    for stream in streams:
        assert {row for run in runs for row in run.ids(stream)} == set(whole.ids(stream))
        assert whole.ids(stream)
    assert "is done" in runs[-1].log
    assert all("is done" not in run.log for run in runs[:-1])


def test_it_goes_on_where_it_was_killed(
    here: Tap, sandbox: RunningSandbox, live: Run, tmp_path: Path
) -> None:
    streams = ("users", "projects_users", "achievements_users")
    here.settings.update(page_size=10, spool=str(tmp_path / "spool"), **WINDOW)
    begun = killed(here, sandbox, *streams, after=5, state=live.state)
    states = [m["value"] for m in begun.messages if m["type"] == "STATE"]
    state = states[-1] if states else live.state
    assert live_part(state) == live_part(live.state)
    again = here.run(*streams, state=state)
    expected = truth(sandbox)
    for stream in streams:
        assert set(begun.ids(stream)) | set(again.ids(stream)) == expected[stream]


@pytest.fixture
def living() -> Iterator[RunningSandbox]:
    """A sandbox in which something happens while it is read."""
    with running_sandbox(users=150, enrolments=900, achievements_per_user=0) as running:
        yield running


@pytest.mark.slow
def test_what_stays_in_the_window_is_read_while_other_rows_leave_it(
    tap: Tap, living: RunningSandbox
) -> None:
    living.control(
        "POST",
        "settings",
        {"life": "requests", "life_events_per_request": {"mark": 3, "visit": 2}},
    )
    here = tap.pointed_at(living, page_size=10, **AT_ONCE)
    before = truth(living)
    run = here.run("users", "projects_users", **WINDOW)
    living.control("POST", "settings", {"life": "off"})
    after = truth(living)
    for stream in ("users", "projects_users"):
        stayed = before[stream] & after[stream]
        assert stayed <= set(run.ids(stream))
        assert {row["updated_at"] > END for row in run.records(stream)} == {False}
    assert before != after


def test_a_page_that_was_read_before_a_kill_is_asked_for_again(
    here: Tap, sandbox: RunningSandbox, tmp_path: Path
) -> None:
    # A live run may have loaded a newer one in between.
    here.settings.update(page_size=10, spool=str(tmp_path / "spool"), **WINDOW)
    whole = here.run("users")
    needed = asked(sandbox)
    killed(here, sandbox, "users", after=1)
    sandbox.reset_requests()
    assert here.run("users").ids("users") == whole.ids("users")
    assert asked(sandbox) == needed


def test_several_cursus_are_filled_each(here: Tap, sandbox: RunningSandbox) -> None:
    run = here.run("users", cursus_ids=[9, 21], **WINDOW)
    for cursus_id in (9, 21):
        students = sandbox.truth_of(
            f"/v2/cursus/{cursus_id}/users?filter[kind]=student&filter[alumni?]=false"
        )
        assert {row["id"] for row in run.records("users") if row["cursus_id"] == cursus_id} == {
            row["id"] for row in students if START <= row["updated_at"] <= END
        }


@pytest.mark.parametrize(
    ("start_date", "end_date", "said"),
    [
        (None, END, "end_date is set and start_date is not: a backfill needs both"),
        (END, START, f"end_date ({START}) is not later than start_date ({END})"),
        (END, END, f"end_date ({END}) is not later than start_date ({END})"),
        (START, "2999-01-01", "end_date (2999-01-01) lies in the future"),
    ],
)
def test_a_window_that_cannot_be_is_refused(
    here: Tap, sandbox: RunningSandbox, start_date: str | None, end_date: str, said: str
) -> None:
    run = here.fail("users", start_date=start_date, end_date=end_date)
    assert said in run.log
    assert asked(sandbox) == 0


@pytest.mark.slow
def test_a_census_of_what_is_new_leaves_alone_what_a_backfill_has_brought(
    tap: Tap, living: RunningSandbox
) -> None:
    here = tap.pointed_at(living, page_size=10, **AT_ONCE)
    streams = ("users", "census")
    new = here.run(*streams, start_date=END)
    old = here.run(*streams, state=new.state, **WINDOW)
    assert old.ids("users")
    assert new.ids("users")
    deleted = max(new.ids("users"))
    living.delete("users", deleted)
    state = new.state
    for _ in range(2):
        later = here.run(*streams, state=a_day_later(state), start_date=END, refresh_nights=1)
        assert named(later, "users", {*old.ids("users"), *new.ids("users")}) <= {deleted}
        if deleted in named(later, "users", {deleted}):
            return
        state = later.state
    pytest.fail("nobody is found to be gone")


@pytest.mark.parametrize(("read_until", "is_read"), [(None, False), (8, False), (9, True)])
def test_a_window_has_been_read_once_its_end_is_reached(
    read_until: int | None, *, is_read: bool
) -> None:
    state = {} if read_until is None else {"read_until": from_milliseconds(read_until)}
    assert Backfill(5, 9).has_read(state) is is_read
