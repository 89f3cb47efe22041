"""What a killed run has read is not asked for again, and not kept for long."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from tests.tap.interrupted import asked_so_far, killed
from tests.tap.running import TIMEOUT, Run

if TYPE_CHECKING:
    from pathlib import Path

    from ft42_sandbox.testing import RunningSandbox

    from tests.tap.running import Tap

STREAMS = ("users", "achievements", "projects_users", "achievements_users", "blocs")
AT_ONCE: dict[str, Any] = {"settle_seconds": 0, "overlap_seconds": 0}


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def here(tap: Tap, sandbox: RunningSandbox, spool: Path) -> Tap:
    return tap.pointed_at(sandbox, page_size=10, spool=str(spool), **AT_ONCE)


@pytest.mark.long
@pytest.mark.parametrize("after", [3, 10, 25, 40])
def test_a_killed_run_costs_next_to_no_request(
    tap: Tap, sandbox: RunningSandbox, here: Tap, after: int
) -> None:
    whole = tap.pointed_at(sandbox, page_size=10, **AT_ONCE).run(*STREAMS)
    needed = asked_so_far(sandbox)
    sandbox.reset_requests()
    killed(here, sandbox, *STREAMS, after=after)
    again = here.run(*STREAMS)
    for stream in STREAMS:
        assert set(again.ids(stream)) == set(whole.ids(stream)), stream
    # Those that were on their way when it was killed are lost.
    assert asked_so_far(sandbox) <= needed + 24


def test_only_its_owner_may_read_the_spool(
    sandbox: RunningSandbox, here: Tap, spool: Path
) -> None:
    killed(here, sandbox, "users", after=4)
    files = list(spool.iterdir())
    assert files
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE(spool.stat().st_mode) == 0o700


def test_a_run_that_ends_well_leaves_nothing_behind(here: Tap, spool: Path) -> None:
    here.run(*STREAMS)
    assert list(spool.iterdir()) == []


def test_what_nobody_has_written_to_for_a_day_goes_and_what_is_not_the_taps_stays(
    here: Tap, spool: Path
) -> None:
    spool.mkdir()
    old, young, other = (
        spool / name for name in (f"{1:016x}.sqlite", f"{2:016x}.sqlite-wal", "notes.sqlite")
    )
    for file in (old, young, other):
        file.touch()
    for file in (old, other):
        os.utime(file, (time.time() - 90_000,) * 2)
    here.run("blocs")
    assert set(spool.iterdir()) == {young, other}


def test_pages_go_as_soon_as_a_state_covers_them(here: Tap, spool: Path) -> None:
    first = here.run("users")
    # Whoever hands in a state may lose the next one, so pages stay until that comes back.
    second = here.run("users", state=first.state)
    assert kept(spool) == 1
    third = here.run("users", state=second.state, max_requests=1)
    fourth = here.run("users", state=third.state)
    assert {*third.ids("users"), *fourth.ids("users")} <= set(first.ids("users"))
    assert kept(spool) == 1


def kept(spool: Path) -> int:
    """The number of pages that the spool holds."""
    (file,) = spool.glob("*.sqlite")
    with closing(sqlite3.connect(file)) as database:
        (pages,) = database.execute("SELECT count(*) FROM pages").fetchone()
    return int(pages)


def test_a_damaged_spool_costs_requests_and_no_row(
    sandbox: RunningSandbox, here: Tap, spool: Path
) -> None:
    whole = here.run("users")
    killed(here, sandbox, "users", after=4)
    for file in spool.iterdir():
        file.write_bytes(b"no database at all" * 1000)
    assert set(here.run("users").ids("users")) == set(whole.ids("users"))


def test_a_run_from_another_state_does_not_follow_what_was_killed(
    tap: Tap, sandbox: RunningSandbox, here: Tap
) -> None:
    first = tap.pointed_at(sandbox, **AT_ONCE).run("users")
    killed(here, sandbox, "users", after=4)
    sandbox.reset_requests()
    second = here.run("users", state=first.state)
    assert len(second.ids("users")) < len(first.ids("users"))


@pytest.mark.slow
def test_what_changes_between_a_kill_and_its_successor_is_read_in_the_end(
    tap: Tap, mutable: RunningSandbox, spool: Path
) -> None:
    # The successor finishes old windows beside new ones; bookmarks must tell them apart.
    here = tap.pointed_at(mutable, page_size=10, spool=str(spool), **AT_ONCE)
    enrolments = here.run("projects_users", spool=str(spool / "other")).ids("projects_users")
    mutable.reset_requests()
    killed(here, mutable, "projects_users", after=25)
    for enrolment in enrolments[::7]:
        mutable.update("projects_users", enrolment, final_mark=77)
    again = here.run("projects_users")
    last = here.run("projects_users", state=again.state)
    marks = {
        row["id"]: row["final_mark"]
        for run in (again, last)
        for row in run.records("projects_users")
    }
    assert {marks[enrolment] for enrolment in enrolments[::7]} == {77}


@pytest.mark.slow
def test_a_spool_that_is_full_in_mid_run_costs_no_row(here: Tap, spool: Path) -> None:
    whole = here.run("users", spool=str(spool.with_name("other")))
    # No file may become larger; Python ignores the signal, and writing fails.
    limited = ["bash", "-c", 'ulimit -f 96; exec "$@"', "-"]
    done = subprocess.run(
        [*limited, *here.command("users")],
        capture_output=True, check=False, cwd=spool.parent, text=True, timeout=TIMEOUT,
    )  # fmt: skip
    run = Run(done.returncode, done.stdout, done.stderr)
    assert run.exit_code == 0, run.log
    assert run.ids("users") == whole.ids("users")
    (told,) = [line for line in run.warnings if "goes on without it" in line]
    assert "disk" in told
    assert list(spool.iterdir()) == []
