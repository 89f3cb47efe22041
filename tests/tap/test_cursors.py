"""Lists that tell their changes by another column than ``updated_at``: an instant that does
not move with changes, and ids.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from ft42_sandbox.testing import running_sandbox

from tests.copies import CopiedTap, copied, kill

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ft42_sandbox.testing import RunningSandbox

    from tests.copies import Copy

Messages = list[dict[str, Any]]

SIZE = {"users": 60, "enrolments": 60, "achievements_per_user": 0}
STREAMS = ("locations", "events_users")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    return copied(tmp_path_factory.mktemp("project"), *STREAMS)


@pytest.fixture(scope="module")
def there(copy: Copy) -> Iterator[RunningSandbox]:
    """The sandbox of the copy."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in copy.environment.items():
            patch.setenv(name, value)
        with running_sandbox(**SIZE) as running:
            yield running


@pytest.fixture
def tap(copy: Copy, there: RunningSandbox, tmp_path: Path) -> CopiedTap:
    return CopiedTap(
        copy,
        tmp_path,
        {
            "api_url": there.url,
            "client_id": there.client_id,
            "client_secret": there.client_secret,
            "requests_per_second": 0,
            "requests_per_hour": 0,
            "page_size": 20,
            "settle_seconds": 0,
            "overlap_seconds": 0,
        },
    )


def ids(messages: Messages, stream: str) -> set[int]:
    return {
        message["record"]["id"]
        for message in messages
        if message["type"] == "RECORD" and message["stream"] == stream
    }


def state_of(messages: Messages) -> dict[str, Any]:
    (*_, last) = (message["value"] for message in messages if message["type"] == "STATE")
    found: dict[str, Any] = last
    return found


def asked(sandbox: RunningSandbox, path: str) -> list[str]:
    return [line["query"] for line in sandbox.log() if line["path"] == path]


def requests(sandbox: RunningSandbox) -> int:
    return int(sandbox.requests()["total"])


@pytest.fixture
def first(tap: CopiedTap) -> Messages:
    return tap.run(*STREAMS, "census")


def test_a_first_load_reads_everything_and_the_bookmark_is_the_greatest_value(
    first: Messages, there: RunningSandbox
) -> None:
    bookmarks = state_of(first)["bookmarks"]
    for stream, column in (("locations", "begin_at"), ("events_users", "id")):
        rows = there.truth(stream)
        assert ids(first, stream) == {row["id"] for row in rows}
        assert bookmarks[stream]["replication_key"] == column
        greatest = max(row[column] for row in rows)
        assert bookmarks[stream]["replication_key_value"] == greatest


def test_a_run_after_changes_reads_what_is_new_and_what_may_have_changed(
    tap: CopiedTap, first: Messages, there: RunningSandbox
) -> None:
    sessions = sorted(there.truth("locations"), key=lambda row: row["begin_at"])
    latest = sessions[-1]
    now = datetime.now(UTC)
    there.update("locations", latest["id"], end_at=now.isoformat())
    session = there.insert("locations", user_id=1, begin_at=now.isoformat(), host="c1r1s1")
    registration = there.insert("events_users", user_id=1, event_id=7)
    second = tap.run(*STREAMS, state=state_of(first))

    bookmark = datetime.fromisoformat(latest["begin_at"])
    recent = {
        row["id"]
        for row in sessions
        if datetime.fromisoformat(row["begin_at"]) >= bookmark - timedelta(days=1, seconds=1)
    }
    assert {session, latest["id"]} <= ids(second, "locations") <= recent | {session}
    assert ids(second, "events_users") == {registration}
    third = tap.run(*STREAMS, state=state_of(second))
    assert ids(third, "events_users") == set()
    bookmarks = state_of(third)["bookmarks"]
    assert bookmarks["events_users"]["replication_key_value"] == registration


def test_a_run_after_nothing_happened_costs_a_request_for_new_ids(
    tap: CopiedTap, first: Messages, there: RunningSandbox
) -> None:
    there.reset_requests()
    tap.run("events_users", state=state_of(first))
    assert requests(there) == 1


def test_the_census_finds_what_disappeared(
    tap: CopiedTap, first: Messages, there: RunningSandbox
) -> None:
    state = state_of(first)
    gone = {stream: sorted(ids(first, stream))[40] for stream in STREAMS}
    for stream, number in gone.items():
        there.delete(stream, number)
        taken = datetime.now(UTC) - timedelta(days=1, hours=1)
        state["bookmarks"][stream]["census"]["taken"] = taken.isoformat()
    second = tap.run(*STREAMS, "census", state=state)
    proofs = [m["record"] for m in second if m["type"] == "RECORD" and m["stream"] == "census"]
    for stream in STREAMS:
        named = {
            row
            for proof in proofs
            if proof["stream"] == stream and proof["ids"] is not None
            for row in ids(first, stream)
            if proof["first_id"] <= row <= proof["last_id"] and row not in proof["ids"]
        }
        assert named == {gone[stream]}


def test_a_plan_says_how_they_would_be_read(
    tap: CopiedTap, first: Messages, there: RunningSandbox
) -> None:
    for state, mode in ((None, "first load"), (state_of(first), "changes")):
        words = tap.words(*STREAMS, state=state)
        told = tap.copy.python(*words[:2], "plan", *words[2:]).stdout
        lines = {line.split()[0]: line for line in told.splitlines() if line.strip()}
        for stream in STREAMS:
            assert mode in lines[stream], told


@pytest.mark.parametrize("stream", STREAMS)
def test_a_killed_run_goes_on_where_it_was(
    tap: CopiedTap, there: RunningSandbox, stream: str
) -> None:
    there.reset_requests()
    there.fault("drip", after=9, seconds=60)
    run = tap.start(stream)
    for _ in range(1000):
        if requests(there) >= 9:
            break
        time.sleep(0.02)
    kill(run)
    there.clear_faults()
    again = tap.run(stream)
    assert ids(again, stream) == {row["id"] for row in there.truth(stream)}
    # Twenty pages and their proofs; those that were on their way are lost.
    assert requests(there) <= 21 + 24


def test_a_killed_run_of_new_ids_goes_on_where_it_was(
    tap: CopiedTap, first: Messages, there: RunningSandbox
) -> None:
    new = {there.insert("events_users", user_id=1, event_id=n) for n in range(1, 90)}
    state = state_of(first)
    there.reset_requests()
    there.fault("drip", after=3, seconds=60)
    run = tap.start("events_users", state=state)
    for _ in range(1000):
        if requests(there) >= 3:
            break
        time.sleep(0.02)
    left = kill(run)
    there.clear_faults()
    states = [message["value"] for message in left if message["type"] == "STATE"]
    again = tap.run("events_users", state=states[-1] if states else state)
    assert ids(left, "events_users") | ids(again, "events_users") >= new
    greatest = state_of(again)["bookmarks"]["events_users"]["replication_key_value"]
    assert greatest == max(new)


def test_a_backfill_reads_the_instants_of_its_window_and_no_ids(
    tap: CopiedTap, there: RunningSandbox
) -> None:
    begins, ends = (row["begin_at"] for row in sorted(
        there.truth("locations"), key=lambda row: row["begin_at"])[50:151:100])  # fmt: skip
    tap.configure(start_date=begins, end_date=ends)
    run = tap.run(*STREAMS)
    within = {r["id"] for r in there.truth("locations") if begins <= r["begin_at"] <= ends}
    assert ids(run, "locations") == within
    assert ids(run, "events_users") == set()
