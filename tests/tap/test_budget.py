"""A run ends well when its budget is spent or somebody stops it, and the next goes on."""

from __future__ import annotations

import signal
import tempfile
import time
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from tap_ft42.api.budget import Budget, RunEnds
from tap_ft42.declared.instants import from_milliseconds
from tap_ft42.lists.turns import need

from tests.tap.interrupted import asked_so_far, in_bounded_runs, said_why_it_ended

if TYPE_CHECKING:
    from ft42_sandbox.testing import RunningSandbox

    from tests.tap.running import Run, Tap

STREAMS = ("users", "achievements", "projects_users", "achievements_users")
AT_ONCE: dict[str, Any] = {"settle_seconds": 0, "overlap_seconds": 0}
Marks = dict[str, str]


def assert_as_one_long_run(here: Tap, stream: str, *, max_requests: int) -> None:
    """Look whether bounded runs read together what one without bounds reads."""
    whole = here.run(stream)
    runs = in_bounded_runs(here, stream, max_requests=max_requests)
    assert {row for run in runs for row in run.ids(stream)} == set(whole.ids(stream))


@pytest.mark.few(1)
@pytest.mark.parametrize("stream", STREAMS)
def test_bounded_runs_read_all_that_one_long_run_reads(
    tap: Tap, sandbox: RunningSandbox, stream: str
) -> None:
    here = tap.pointed_at(sandbox, page_size=25, campus_ids=[1], **AT_ONCE)
    assert_as_one_long_run(here, stream, max_requests=9)


@pytest.mark.few(1)
@pytest.mark.parametrize("max_requests", [4, 5, 6])
def test_a_run_that_ends_below_a_row_comes_back_to_that_row(
    tap: Tap, sandbox: RunningSandbox, max_requests: int
) -> None:
    # All pages of campuses are there when the requests below the first campus run out.
    here = tap.pointed_at(sandbox, page_size=25, campus_ids=[1], **AT_ONCE)
    assert_as_one_long_run(here, "projects_users", max_requests=max_requests)


@pytest.mark.slow
def test_a_bounded_run_that_fails_below_a_row_comes_back_to_that_row(
    tap: Tap, sandbox: RunningSandbox
) -> None:
    here = tap.pointed_at(sandbox, page_size=1, campus_ids=[1], **AT_ONCE)
    whole = here.run("projects_users")
    sandbox.fault("forbidden", route="/v2/projects_users")
    failed = here.fail("projects_users", max_requests=60)
    sandbox.clear_faults()
    run = here.run("projects_users", state=failed.state)
    assert set(run.ids("projects_users")) == set(whole.ids("projects_users"))


def test_a_run_sends_no_more_requests_than_it_may(tap: Tap, sandbox: RunningSandbox) -> None:
    run = tap.pointed_at(sandbox, page_size=10).run("users", "cursus", max_requests=5)
    assert asked_so_far(sandbox) == 5
    assert len(said_why_it_ended(run)) == 1
    assert "max_requests" in said_why_it_ended(run)[0]


def test_a_run_may_have_four_times_the_answers_it_planned_and_a_thousand_more() -> None:
    budget = Budget(max_requests=None, max_minutes=None)
    budget.plan(10)
    budget.plan(1)
    for _ in range(4 * 11 + 1000):
        budget.note_answer()
    budget.spend()
    budget.note_answer()
    with pytest.raises(RunEnds, match="1,045 answers, but planned only 11"):
        budget.spend()
    assert budget.spent == 1


def test_requests_that_are_left_are_those_that_may_be_sent() -> None:
    budget = Budget(max_requests=2, max_minutes=None)
    assert budget.reaches_for(2)
    assert not budget.reaches_for(3)
    budget.spend()
    assert budget.reaches_for(1)
    assert not budget.reaches_for(2)


@pytest.mark.parametrize(("wait", "ends"), [(59, False), (61, True)])
def test_a_wait_beyond_the_minutes_is_not_begun(wait: float, *, ends: bool) -> None:
    budget = Budget(max_requests=None, max_minutes=1)
    with pytest.raises(RunEnds, match="beyond the run's 1 minutes") if ends else nullcontext():
        budget.check(wait)


def test_a_run_that_has_taken_its_minutes_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([0.0, 59.9, 60.0, 60.5])
    clock = SimpleNamespace(monotonic=lambda: next(now))
    monkeypatch.setattr("tap_ft42.api.budget.time", clock)
    budget = Budget(max_requests=None, max_minutes=1)
    budget.check()
    for _ in range(2):
        with pytest.raises(RunEnds, match="the run has taken its 1 minutes"):
            budget.check()


def test_requests_that_wait_for_a_slow_token_are_not_lost_at_the_budgets_end(
    tap: Tap, sandbox: RunningSandbox
) -> None:
    here = tap.pointed_at(sandbox, page_size=5)
    spool = tempfile.mkdtemp(dir=here.folder)
    first = here.run("users", max_requests=3, spool=spool)
    sandbox.reset_requests()
    sandbox.fault("drip", route="token", seconds=1)
    here.run("users", state=first.state, max_requests=8, spool=spool)
    assert asked_so_far(sandbox) == 8


def test_a_budget_that_does_not_reach_to_know_the_scope_ends_the_run_well(
    tap: Tap, sandbox: RunningSandbox
) -> None:
    here = tap.pointed_at(sandbox, page_size=1, campus_ids=[1])
    run = here.run("achievements_users", max_requests=2)
    assert asked_so_far(sandbox) <= 2
    assert "Traceback" not in run.log
    assert len(said_why_it_ended(run)) == 1


@pytest.mark.slow
def test_bounded_runs_waste_few_requests(tap: Tap, sandbox: RunningSandbox) -> None:
    here = tap.pointed_at(sandbox, page_size=1, **AT_ONCE)
    here.run("users")
    needed = asked_so_far(sandbox)
    sandbox.reset_requests()
    runs = in_bounded_runs(here, "users", max_requests=25)
    assert len(runs) > 2
    # The borders of pages that were on their way together are proven by the next run. On a
    # busy machine more of them are: 95 to 202 requests were counted where 81 are needed.
    assert asked_so_far(sandbox) <= 3 * needed


def test_a_bounded_run_leaves_no_bookmark_behind_what_it_has_not_read(
    tap: Tap, sandbox: RunningSandbox
) -> None:
    here = tap.pointed_at(sandbox, page_size=5, **AT_ONCE)
    run = here.run("users", max_requests=8)
    assert "replication_key_value" not in run.state["bookmarks"]["users"]


def test_a_run_that_ends_above_many_parents_does_not_write_its_state_for_each(
    tap: Tap, sandbox: RunningSandbox
) -> None:
    here = tap.pointed_at(sandbox, **AT_ONCE)
    run = here.run("coalitions_users", max_requests=8)
    assert said_why_it_ended(run)
    partitions = run.state["bookmarks"]["coalitions_users"]["partitions"]
    states = [message for message in run.messages if message["type"] == "STATE"]
    assert len(partitions) > 40
    assert len(states) < 5


def test_a_run_that_is_out_of_time_ends_well(tap: Tap, sandbox: RunningSandbox) -> None:
    # The hour is used up; waiting for the next one would take too long.
    credentials = {"client_id": "busy", "client_secret": "secret"}
    sandbox.control("POST", "applications", {**credentials, "requests_per_hour": 20})
    here = tap.pointed_at(sandbox, page_size=2, **credentials)
    run = here.run("users", requests_per_hour=20, max_minutes=1)
    assert len(run.records("users")) > 0
    (why,) = said_why_it_ended(run)
    assert "UTC" in why
    assert "max_minutes" in why


@pytest.mark.few(1)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_stopped_ends_well_within_seconds(
    tap: Tap, sandbox: RunningSandbox, number: int
) -> None:
    sandbox.fault("drip", route="/v2/cursus/:id/users", after=6, seconds=30)
    here = tap.pointed_at(sandbox, page_size=5, **AT_ONCE)
    started = here.start("users")
    started.await_text("RECORD")
    before = time.monotonic()
    started.signal(number)
    stopped = started.finish()
    assert time.monotonic() - before < 20  # and not the 30 of the answer on its way
    assert stopped.exit_code == 0
    assert "Traceback" not in stopped.log
    assert len(said_why_it_ended(stopped)) == 1
    sandbox.clear_faults()
    rest = here.run("users", state=stopped.state)
    assert {*stopped.ids("users"), *rest.ids("users")} == set(here.run("users").ids("users"))


ALL = (
    "cursus", "projects", "achievements", "users", "campuses", "projects_users", "blocs",
    "coalitions", "coalitions_users", "achievements_users",
)  # fmt: skip
SMALL: dict[str, Any] = {"page_size": 25, "campus_ids": [1, 29], **AT_ONCE}


def streams_read(run: Run) -> list[str]:
    """The streams whose rows a run emitted, in the order of their first rows."""
    return list(dict.fromkeys(m["stream"] for m in run.messages if m["type"] == "RECORD"))


@pytest.mark.slow
def test_every_stream_progresses_on_a_tight_budget_and_ends_complete(
    tap: Tap, sandbox: RunningSandbox
) -> None:
    here = tap.pointed_at(sandbox, **SMALL)
    whole = here.run(*ALL)
    needed = asked_so_far(sandbox)
    runs = in_bounded_runs(here, *ALL, max_requests=30)
    assert len(runs) > needed / 30
    for stream in ALL:
        found = set().union(*(run.ids(stream) for run in runs))
        assert found == set(whole.ids(stream)) != set(), stream


@pytest.mark.slow
def test_nobody_waits_while_a_long_load_goes_on(tap: Tap, sandbox: RunningSandbox) -> None:
    # The badges take 58 requests; all others together some more than one run's.
    here = tap.pointed_at(sandbox, spool=tempfile.mkdtemp(dir=tap.folder), **SMALL)
    here = replace(here, settings={**here.settings, "page_size": 20})
    state, seen = None, list[set[str]]()
    for _ in range(8):
        run = here.run(*ALL, state=state, max_requests=25)
        state = run.state
        seen.append(set(streams_read(run)))
    assert set().union(*seen) >= set(ALL)
    waiting = [number for number, read in enumerate(seen) if "users" in read]
    assert waiting[0] == 0
    assert sum("achievements" in read for read in seen) > 1


def test_what_people_look_at_most_comes_first(tap: Tap, sandbox: RunningSandbox) -> None:
    here = tap.pointed_at(sandbox, **SMALL)
    run = here.run(*ALL, max_requests=20)
    assert streams_read(run)[0] == "users"
    assert set(streams_read(run)) <= {"users", "campuses", "projects_users"} | {
        "coalitions", "coalitions_users", "achievements_users",
    }  # fmt: skip


def test_a_list_waits_as_long_as_its_part_that_waits_longest_and_weight_counts() -> None:
    now = 1_000_000_000_000

    def ago(milliseconds: int, mark: str = "served_at") -> dict[str, str]:
        return {mark: from_milliseconds(now - milliseconds)}

    def waiting(state: Marks, parts: list[Marks], weight: int, *children: Any) -> Any:  # noqa: ANN401 - a part of a list
        return SimpleNamespace(
            output=SimpleNamespace(stream_state=state),
            wholes=[None],
            states_within=lambda _: parts,
            listing=SimpleNamespace(weight=weight),
            wanted_children=children,
        )

    assert need(waiting({}, [], 2), now) == 2 * now
    assert need(waiting(ago(5), [], 3), now) == 15
    assert need(waiting(ago(9) | ago(5, "read_until"), [], 3), now) == 15
    assert need(waiting({}, [ago(5), ago(9, "read_until")], 3), now) == 27
    assert need(waiting(ago(2), [ago(5)], 3), now) == 6
    assert need(waiting(ago(2), [], 3, waiting(ago(1), [], 9)), now) == 9


def test_what_waits_longest_comes_first(tap: Tap, sandbox: RunningSandbox) -> None:
    here = tap.pointed_at(sandbox, refresh_hours={"blocs": 0, "cursus": 0})
    first = here.run("users", "blocs", "cursus", max_requests=20)
    bookmarks = first.state["bookmarks"]
    for stream, served in (("users", "2026-01-03"), ("blocs", "2026-01-01")):
        for mark in ("served_at", "read_until"):
            bookmarks[stream][mark] = f"{served}T00:00:00.000Z"
    second = here.run("users", "blocs", "cursus", state=first.state, max_requests=2)
    asked_for = [entry["route"] for entry in sandbox.log() if entry["route"] != "token"][-2:]
    assert asked_for == ["GET /v2/cursus/:id/users", "GET /v2/blocs"]
    assert second.records("cursus") == []


@pytest.mark.slow
def test_no_campus_starves(tap: Tap, sandbox: RunningSandbox) -> None:
    # A pass over all campuses takes more requests than a run has.
    here = tap.pointed_at(sandbox, spool=tempfile.mkdtemp(dir=tap.folder), **AT_ONCE)
    state, rows = None, set[int]()
    for _ in range(5):
        run = here.run("projects_users", state=state, max_requests=25)
        state = run.state
        rows |= set(run.ids("projects_users"))
    assert rows == set(tap.pointed_at(sandbox).run("projects_users").ids("projects_users"))
