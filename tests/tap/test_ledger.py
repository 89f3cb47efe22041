"""Every run says what it asked for, and the API's own log says the same."""

from __future__ import annotations

import re
import signal
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.tap.running import STREAMS
from tests.tap.scripted import DENIED, always

if TYPE_CHECKING:
    from ft42_sandbox.testing import RunningSandbox

    from tests.tap.running import Run, Tap
    from tests.tap.scripted import ScriptedApi

Row = dict[str, Any]

LEDGER = ("sync_requests", "sync_runs")
AT_ONCE: dict[str, Any] = {"settle_seconds": 0, "overlap_seconds": 0}


def told(run: Run, column: str) -> dict[str, int]:
    """A column of the ledger by route, where ids have one name."""
    counts: Counter[str] = Counter()
    for row in run.records("sync_requests"):
        counts[re.sub(r":\w+", ":id", row["route"])] += row[column]
    return {route: count for route, count in counts.items() if count}


def logged(sandbox: RunningSandbox, *, status: int | None = None) -> dict[str, int]:
    """What the API counted by route, without requests for tokens."""
    counts = {
        route: traffic["statuses"].get(str(status), 0) if status else traffic["count"]
        for route, traffic in sandbox.requests()["routes"].items()
        if route != "token"
    }
    counts = {
        route.removeprefix("GET ").replace(":field/by/:interval", "created_at/by/day"): count
        for route, count in counts.items()
    }
    return {route: count for route, count in counts.items() if count}


def the_run(run: Run) -> Row:
    (row,) = run.records("sync_runs")
    return row


def asked_by(run: Run, stream: str) -> Row:
    (row,) = [row for row in run.records("sync_requests") if row["stream"] == stream]
    return row


def test_the_ledger_agrees_with_the_api_s_own_log(tap: Tap, sandbox: RunningSandbox) -> None:
    # On routes without another fault: of two at once only one is answered.
    sandbox.fault("429", route="/v2/*_users", every=8, count=3)
    sandbox.fault("502", route="/v2/cursus/:id/users", count=1)
    sandbox.fault("cut", route="/v2/achievements", count=1)
    sandbox.fault("drop", route="/v2/campus", count=1)
    sandbox.fault("expire_token", after=9, count=1)
    run = tap.pointed_at(sandbox, page_size=40, campus_ids=[1, 29]).run(*STREAMS)
    assert told(run, "requests") == logged(sandbox)
    assert told(run, "refusals") == logged(sandbox, status=429) != {}
    assert told(run, "retries") == {
        "/v2/cursus/:id/users": 1,
        "/v2/achievements": 1,
        "/v2/campus": 1,
    }
    assert the_run(run)["requests"] == sandbox.requests()["total"]
    assert the_run(run)["token_requests"] == sandbox.requests()["token"] > 1


def test_a_run_is_the_sum_of_its_requests(tap: Tap, sandbox: RunningSandbox) -> None:
    run = tap.pointed_at(sandbox, page_size=40).run("users", "projects", *LEDGER)
    for column in (
        "requests", "refusals", "retries", "rows", "rows_emitted", "bytes", "lower_bound",
    ):  # fmt: skip
        sum_of_requests = sum(row[column] for row in run.records("sync_requests"))
        assert the_run(run)[column] == sum_of_requests, column


def test_what_came_is_what_was_sent(tap: Tap, sandbox: RunningSandbox) -> None:
    run = tap.pointed_at(sandbox).run("users", "achievements", *LEDGER)
    sent = sum(asked["bytes"] for asked in sandbox.log() if asked["route"] != "token")
    assert the_run(run)["bytes"] == sent
    for stream in ("users", "achievements"):
        assert asked_by(run, stream)["rows_emitted"] == len(run.records(stream))


def test_runs_and_requests_come_last_and_belong_together(
    tap: Tap, sandbox: RunningSandbox
) -> None:
    run = tap.pointed_at(sandbox).run()
    streams = [m["stream"] for m in run.messages if m["type"] == "RECORD"]
    assert streams[-1] == "sync_runs"
    assert streams.index("sync_requests") == len(streams) - 1 - streams.count("sync_requests")
    assert {row["run_id"] for row in run.records("sync_requests")} == {the_run(run)["run_id"]}
    again = tap.pointed_at(sandbox).run("cursus", *LEDGER)
    assert the_run(again)["run_id"] != the_run(run)["run_id"]


@pytest.mark.slow
def test_nothing_of_an_earlier_run_is_deleted(tap: Tap, sandbox: RunningSandbox) -> None:
    run = tap.pointed_at(sandbox).run()
    assert "ACTIVATE_VERSION" not in {message["type"] for message in run.messages}


def test_a_first_load_is_new_and_has_no_lower_bound(tap: Tap, sandbox: RunningSandbox) -> None:
    run = tap.pointed_at(sandbox, page_size=10).run("users", *LEDGER)
    row = asked_by(run, "users")
    students = len(set(run.ids("users")))
    assert row["route"] == "/v2/cursus/:cursus_id/users"
    assert row["rows_changed"] == row["rows_emitted"] >= students
    assert row["window_begins_at"] is None
    assert row["lower_bound"] == -(-row["rows_changed"] // 10) <= row["requests"]


@pytest.mark.slow
def test_only_what_changed_counts_as_changed(tap: Tap, mutable: RunningSandbox) -> None:
    here = tap.pointed_at(mutable, page_size=10, settle_seconds=0)
    first = here.run("users")
    for user in first.ids("users")[:12]:
        mutable.update("users", user, wallet=4242)
    run = here.run("users", *LEDGER, state=first.state)
    row = asked_by(run, "users")
    assert row["rows_changed"] == 12
    assert row["lower_bound"] == 2
    assert row["window_begins_at"] is not None
    assert row["window_begins_at"] < row["window_ends_at"]


def test_it_takes_a_request_to_learn_that_nothing_changed(
    tap: Tap, sandbox: RunningSandbox
) -> None:
    here = tap.pointed_at(sandbox)
    run = here.run("users", *LEDGER, state=here.run("users").state)
    row = asked_by(run, "users")
    assert (row["requests"], row["rows_changed"], row["lower_bound"]) == (1, 0, 1)


def test_a_full_read_cannot_tell_what_changed(tap: Tap, sandbox: RunningSandbox) -> None:
    run = tap.pointed_at(sandbox).run("achievements", *LEDGER)
    row = asked_by(run, "achievements")
    assert row["rows_changed"] is None
    assert row["lower_bound"] == 12


def test_parents_that_are_read_for_their_children_emit_nothing(
    tap: Tap, sandbox: RunningSandbox
) -> None:
    run = tap.pointed_at(sandbox, campus_ids=[1]).run("projects_users", *LEDGER)
    row = asked_by(run, "campuses")
    # One of the rows tells that the campus of the setting exists.
    assert (row["rows"], row["rows_emitted"], row["lower_bound"]) == (55, 0, 1)
    assert the_run(run)["streams"] == ["projects_users"]


def test_waiting_for_the_quota_is_counted(tap: Tap, sandbox: RunningSandbox) -> None:
    run = tap.pointed_at(sandbox, page_size=25).run(
        "users", *LEDGER, requests_per_second=2, requests_per_hour=1200
    )
    assert the_run(run)["quota_seconds"] > 0.5
    assert the_run(run)["requests_per_second"] == 2


def test_waiting_for_the_api_is_counted(tap: Tap, sandbox: RunningSandbox) -> None:
    sandbox.fault("drip", route="/v2/cursus", seconds=2, count=1)
    run = tap.pointed_at(sandbox).run("cursus", *LEDGER)
    assert asked_by(run, "cursus")["api_seconds"] >= 1.5


def test_a_run_whose_budget_is_spent_says_so(tap: Tap, sandbox: RunningSandbox) -> None:
    run = tap.pointed_at(sandbox, page_size=5).run("users", *LEDGER, max_requests=7)
    assert (the_run(run)["outcome"], the_run(run)["requests"]) == ("early", 7)
    assert "max_requests" in the_run(run)["reason"]
    assert told(run, "requests") == logged(sandbox) == {"/v2/cursus/:id/users": 7}


def test_a_run_whose_budget_does_not_reach_to_know_the_scope_says_so(
    tap: Tap, sandbox: RunningSandbox
) -> None:
    here = tap.pointed_at(sandbox, page_size=1, campus_ids=[1])
    run = here.run("achievements_users", *LEDGER, max_requests=2)
    assert the_run(run)["outcome"] == "early"
    assert told(run, "requests") == logged(sandbox)


def test_a_run_that_is_stopped_says_so(tap: Tap, sandbox: RunningSandbox) -> None:
    sandbox.fault("drip", route="/v2/cursus/:id/users", after=6, seconds=3)
    here = tap.pointed_at(sandbox, page_size=5, **AT_ONCE)
    started = here.start("users", *LEDGER)
    started.await_text("RECORD")
    started.signal(signal.SIGTERM)
    run = started.finish()
    assert run.exit_code == 0
    assert (the_run(run)["outcome"], the_run(run)["reason"]) == ("early", "it was sent SIGTERM")
    # What was on its way is counted when it leaves, and logged when it is answered.
    for _ in range(100):
        if sum(logged(sandbox).values()) >= the_run(run)["requests"]:
            break
        time.sleep(0.1)
    assert told(run, "requests") == logged(sandbox)


def test_a_run_that_fails_says_so(tap: Tap, api: ScriptedApi) -> None:
    api.script["/v2/cursus"] = always(DENIED)
    run = tap.pointed_at(api).fail("cursus", *LEDGER)
    assert (the_run(run)["outcome"], the_run(run)["reason"]) == (
        "failed",
        "not read completely: cursus (42 answered 403)",
    )
    assert asked_by(run, "cursus")["requests"] == 1


def test_a_child_that_fails_is_told_once(tap: Tap, sandbox: RunningSandbox) -> None:
    sandbox.fault("forbidden", route="/v2/projects_users")
    run = tap.pointed_at(sandbox, campus_ids=[1]).fail("projects_users", *LEDGER)
    assert the_run(run)["outcome"] == "failed"
    assert told(run, "requests") == logged(sandbox)


@pytest.mark.parametrize("stream", LEDGER)
def test_the_ledger_can_be_left_out(tap: Tap, sandbox: RunningSandbox, stream: str) -> None:
    assert tap.pointed_at(sandbox).run("cursus").records(stream) == []
