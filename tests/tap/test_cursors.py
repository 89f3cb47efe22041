"""Lists whose cursor is not ``updated_at``: an instant that does not move, and ids."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.copies import CopiedTap, copied, kill, sandbox_of
from tests.tap.proofs import AT_ONCE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ft42_sandbox.testing import RunningSandbox

    from tests.copies import Copy

Messages = list[dict[str, Any]]

SIZE: dict[str, Any] = {"users": 60, "enrolments": 60, "achievements_per_user": 0}
STREAMS = ("locations", "events_users")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    return copied(tmp_path_factory.mktemp("project"), *STREAMS)


@pytest.fixture(scope="module")
def there(copy: Copy) -> Iterator[RunningSandbox]:
    """The sandbox of the copy."""
    with sandbox_of(copy, **SIZE) as running:
        yield running


def tap_in(folder: Path, copy: Copy, there: RunningSandbox) -> CopiedTap:
    return CopiedTap.at(there, copy, folder, page_size=20, **AT_ONCE)


@pytest.fixture
def here(copy: Copy, there: RunningSandbox, tmp_path: Path) -> CopiedTap:
    return tap_in(tmp_path, copy, there)


@pytest.fixture(scope="module")
def before(there: RunningSandbox) -> dict[str, list[dict[str, Any]]]:
    """The rows before any test has changed one."""
    return {stream: there.truth(stream) for stream in STREAMS}


@pytest.fixture(scope="module")
def first(
    copy: Copy,
    there: RunningSandbox,
    before: dict[str, list[dict[str, Any]]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Messages:
    """A first load of what was there before any test."""
    assert before
    return tap_in(tmp_path_factory.mktemp("first"), copy, there).run(*STREAMS, "census")


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


def user_of(sandbox: RunningSandbox) -> int:
    return int(sandbox.truth("users", columns="id")[0]["id"])


def requests(sandbox: RunningSandbox) -> int:
    return int(sandbox.requests()["total"])


def test_a_first_load_reads_everything_and_the_bookmark_is_the_greatest_value(
    first: Messages, before: dict[str, list[dict[str, Any]]]
) -> None:
    bookmarks = state_of(first)["bookmarks"]
    for stream, column in (("locations", "begin_at"), ("events_users", "id")):
        rows = before[stream]
        assert ids(first, stream) == {row["id"] for row in rows}
        assert bookmarks[stream]["replication_key"] == column
        greatest = max(row[column] for row in rows)
        assert bookmarks[stream]["replication_key_value"] == greatest


@pytest.mark.slow
def test_a_later_run_reads_what_is_new_and_what_may_have_changed(
    here: CopiedTap, first: Messages, there: RunningSandbox
) -> None:
    began = datetime.now(UTC) - timedelta(hours=20)
    seat = {"user_id": user_of(there), "campus_id": 1, "host": "c1r1s1"}
    session = there.insert("locations", begin_at=began.isoformat(), **seat)
    registration = there.insert("events_users", user_id=1, event_id=7)
    second = here.run(*STREAMS, state=state_of(first))
    assert ids(second, "locations") == {session}
    assert ids(second, "events_users") == {registration}

    there.update("locations", session, end_at=datetime.now(UTC).isoformat())
    there.reset_requests()
    third = here.run(*STREAMS, state=state_of(second))
    # It ended within the day that the window looks back.
    assert ids(third, "locations") == {session}
    assert ids(third, "events_users") == set()
    assert requests(there) == 2
    bookmarks = state_of(third)["bookmarks"]
    assert bookmarks["events_users"]["replication_key_value"] == registration


@pytest.mark.slow
def test_the_census_finds_what_disappeared(
    here: CopiedTap, first: Messages, there: RunningSandbox
) -> None:
    state = state_of(first)
    gone = {stream: sorted(ids(first, stream))[40] for stream in STREAMS}
    for stream, number in gone.items():
        there.delete(stream, number)
        taken = datetime.now(UTC) - timedelta(days=1, hours=1)
        state["bookmarks"][stream]["census"]["taken"] = taken.isoformat()
    second = here.run(*STREAMS, "census", state=state)
    proofs = [m["record"] for m in second if m["type"] == "RECORD" and m["stream"] == "census"]
    for stream in STREAMS:
        named = {
            row
            for proof in proofs
            if proof["stream"] == stream and proof["ids"] is not None
            for row in ids(first, stream)
            if proof["first_id"] <= row <= proof["last_id"] and row not in proof["ids"]
        }
        assert named == {gone[stream]}, stream


@pytest.mark.slow
def test_a_plan_says_how_they_would_be_read(here: CopiedTap, first: Messages) -> None:
    for state, mode in ((None, "first load"), (state_of(first), "changes")):
        words = here.words(*STREAMS, state=state)
        told = here.copy.python(*words[:2], "plan", *words[2:]).stdout
        lines = {line.split()[0]: line for line in told.splitlines() if line.strip()}
        for stream in STREAMS:
            assert mode in lines[stream], told


@pytest.mark.long
@pytest.mark.parametrize("stream", STREAMS)
def test_a_killed_run_goes_on_where_it_was(
    here: CopiedTap, there: RunningSandbox, stream: str
) -> None:
    there.reset_requests()
    there.fault("drip", after=9, seconds=60)
    run = here.start(stream)
    for _ in range(1000):
        if requests(there) >= 9:
            break
        time.sleep(0.02)
    kill(run)
    there.clear_faults()
    again = here.run(stream)
    assert ids(again, stream) == {row["id"] for row in there.truth(stream)}
    # Twenty pages and their proofs; those that were on their way are lost.
    assert requests(there) <= 21 + 24


@pytest.mark.slow
def test_a_killed_run_of_new_ids_goes_on_where_it_was(
    here: CopiedTap, first: Messages, there: RunningSandbox
) -> None:
    new = {there.insert("events_users", user_id=1, event_id=n) for n in range(1, 90)}
    state = state_of(first)
    there.reset_requests()
    there.fault("drip", after=3, seconds=60)
    run = here.start("events_users", state=state)
    for _ in range(1000):
        if requests(there) >= 3:
            break
        time.sleep(0.02)
    left = kill(run)
    there.clear_faults()
    states = [message["value"] for message in left if message["type"] == "STATE"]
    again = here.run("events_users", state=states[-1] if states else state)
    assert ids(left, "events_users") | ids(again, "events_users") >= new
    greatest = state_of(again)["bookmarks"]["events_users"]["replication_key_value"]
    assert greatest == max(new)


@pytest.mark.slow
def test_a_backfill_reads_the_instants_of_its_window_and_no_ids(
    here: CopiedTap, there: RunningSandbox
) -> None:
    begins, ends = (row["begin_at"] for row in sorted(
        there.truth("locations"), key=lambda row: row["begin_at"])[50:151:100])  # fmt: skip
    here.configure(start_date=begins, end_date=ends)
    run = here.run(*STREAMS)
    within = {r["id"] for r in there.truth("locations") if begins <= r["begin_at"] <= ends}
    assert ids(run, "locations") == within
    assert ids(run, "events_users") == set()
