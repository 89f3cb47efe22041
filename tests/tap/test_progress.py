"""How far a run has come is shown where somebody can see it, and nowhere else."""

from __future__ import annotations

import os
import pty
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.tap.quotas import application
from tests.tap.running import TIMEOUT, Run
from tests.tap.scripted import Reply, always
from tests.waiting import away_from_the_end_of_the_hour

if TYPE_CHECKING:
    from pathlib import Path

    from ft42_sandbox.testing import RunningSandbox

    from tests.tap.running import Tap
    from tests.tap.scripted import ScriptedApi

STANDING = re.compile(
    r"users: (?P<rows>[\d,]+) rows?, (?P<pages>\d+) of (?P<expected>\d+) pages?, "
    r"(?P<left>[\d,]+) requests? left this hour(, (?P<wait>(\d+ h )?\d+ (s|min)) to go)?"
)
HIDES_THE_CURSOR = "\x1b[?25l"
SHOWS_THE_CURSOR = "\x1b[?25h"
ERASES_A_LINE = "\x1b[2K"
SLOW: dict[str, Any] = {"requests_per_second": 5, "page_size": 5}


@pytest.fixture(scope="module")
def terminal(
    tap: Tap, quiet_sandbox: RunningSandbox, tmp_path_factory: pytest.TempPathFactory
) -> Run:
    """A run whose messages go to a file and whose log to a terminal."""
    command = tap.pointed_at(quiet_sandbox, **SLOW).command("users")
    return on_terminal(command, tmp_path_factory.mktemp("terminal") / "messages")


def on_terminal(command: list[str | Path], messages: Path) -> Run:
    ours, theirs = pty.openpty()
    environment = {"PATH": os.environ["PATH"], "TERM": "xterm", "COLUMNS": "200"}
    with messages.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=theirs, env=environment)
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 65536):
            shown += part
    except OSError:  # how Linux says that nobody writes any more
        pass
    os.close(ours)
    exit_code = process.wait(TIMEOUT)
    return Run(exit_code, messages.read_text(encoding="utf-8"), shown.decode())


def test_a_terminal_shows_rows_pages_requests_and_time_of_a_stream(terminal: Run) -> None:
    shown = [found.groupdict() for found in STANDING.finditer(terminal.log)]
    assert len({standing["pages"] for standing in shown}) > 1
    assert {int(standing["expected"]) for standing in shown} >= {15}
    assert all(int(standing["pages"]) <= int(standing["expected"]) for standing in shown)
    assert any(standing["wait"] for standing in shown)


def test_rows_pages_and_requests_change_as_they_come(terminal: Run) -> None:
    shown = [found.groupdict() for found in STANDING.finditer(terminal.log)]
    pages = [int(standing["pages"]) for standing in shown]
    left = [int(standing["left"].replace(",", "")) for standing in shown]
    assert pages == sorted(pages)
    assert left[0] > left[-1]


def test_the_log_stands_whole_above_the_lines_of_a_terminal(terminal: Run) -> None:
    plain = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", terminal.log)
    lines = [line for line in re.split(r"[\r\n]+", plain) if "| INFO" in line]
    assert [line.rpartition("| ")[2].split(":")[0] for line in lines] == [
        "A run begins", "users", "The run is complete",
    ]  # fmt: skip
    assert lines[0].endswith("UTC.")


def test_nothing_stays_of_the_lines_when_the_run_is_over(terminal: Run) -> None:
    *_, last = STANDING.finditer(terminal.log)
    rest = terminal.log[last.end() :]
    assert ERASES_A_LINE in rest
    assert "The run is complete" in rest
    assert terminal.log.rindex(SHOWS_THE_CURSOR) > terminal.log.rindex(HIDES_THE_CURSOR)


def test_the_messages_are_as_ever(
    terminal: Run, tap: Tap, quiet_sandbox: RunningSandbox
) -> None:
    assert terminal.exit_code == 0
    assert terminal.ids("users") == tap.pointed_at(quiet_sandbox).run("users").ids("users")


@pytest.mark.slow
def test_what_does_not_fit_into_the_hour_takes_until_the_next_ones(
    tap: Tap, sandbox: RunningSandbox, tmp_path: Path
) -> None:
    away_from_the_end_of_the_hour()
    credentials = application(sandbox, "short of requests", requests_per_hour=20)
    limits = {"requests_per_hour": 20, "reserve_percent": 0, "requests_per_second": 10}
    here = tap.pointed_at(sandbox, **credentials, **limits, page_size=2, max_minutes=1)
    run = on_terminal(here.command("users"), tmp_path / "messages")
    assert run.exit_code == 0
    # 18 of 38 pages do not fit: they take nine tenths of the next hour.
    waits = [found["wait"] for found in STANDING.finditer(run.log) if found["wait"]]
    assert waits
    assert all(minutes(wait) >= 54 for wait in waits), waits


def minutes(wait: str) -> int:
    hours, _, rest = wait.rpartition(" h ")
    return 60 * int(hours or 0) + int(rest.removesuffix(" min"))


@pytest.mark.slow
def test_a_run_that_fails_leaves_its_last_word_on_the_terminal(
    tap: Tap, api: ScriptedApi, tmp_path: Path
) -> None:
    api.script["/v2/cursus"] = always(Reply({}, 403))
    run = on_terminal(tap.pointed_at(api).command("cursus"), tmp_path / "messages")
    assert run.exit_code == 1
    assert "403" in run.last_word
    assert run.log.rindex(SHOWS_THE_CURSOR) > run.log.rindex(HIDES_THE_CURSOR)


def test_where_nobody_looks_only_beginnings_and_ends_are_told(
    tap: Tap, sandbox: RunningSandbox
) -> None:
    run = tap.pointed_at(sandbox, **SLOW).run("users")
    assert not STANDING.search(run.log)
    assert len(run.log.splitlines()) == 3


@pytest.mark.long
def test_under_meltano_a_line_is_logged_now_and_then_in_the_same_words(
    tap: Tap, sandbox: RunningSandbox
) -> None:
    here = tap.with_json_logs("INFO").within(MELTANO_EXTRACTOR_NAME="tap-ft42")
    slow = {"requests_per_second": 1, "page_size": 6}
    told = here.pointed_at(sandbox, **slow).run("users").happened("progress")
    assert told
    for line in told:
        assert STANDING.fullmatch(line["message"])
        assert line["stream_name"] == "users"
        assert 0 < line["pages"] <= line["pages_expected"] == 13
        assert line["rows"] <= 6 * line["pages"]
