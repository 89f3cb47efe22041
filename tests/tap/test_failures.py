"""What goes wrong for a moment is tried again; no row is lost by it."""

from __future__ import annotations

import time
from dataclasses import replace
from email.utils import formatdate
from typing import TYPE_CHECKING

import pytest

from tests.tap.scripted import Reply, in_turn, paged, scripted_api

if TYPE_CHECKING:
    from ft42_sandbox.testing import RunningSandbox

    from tests.tap.running import Run, Tap
    from tests.tap.scripted import Asked

CURSUS = {"id": 21, "created_at": None, "name": "42cursus", "slug": "42cursus", "kind": "main"}
FAULTS = (
    "429", "500", "500_sql", "502", "503", "504", "html", "cut", "cut_clean", "drop",
    "timeout",
)  # fmt: skip


def faulty(kind: str, number: int) -> dict[str, object]:
    """A fault for one run only: runs differ in their page size."""
    when = {"query": f"page[size]={size_of(kind)}", "after": number, "count": 1}
    return when | ({"seconds": 0.5} if kind == "timeout" else {})


def size_of(kind: str) -> int:
    return 20 + FAULTS.index(kind)


@pytest.fixture(scope="module")
def survivors(tap: Tap, quiet_sandbox: RunningSandbox) -> dict[str, Run]:
    """A run for each fault, all at once: most of the time they wait."""
    for kind in FAULTS:
        quiet_sandbox.fault(kind, **faulty(kind, FAULTS.index(kind) % 3))
    here = tap.pointed_at(quiet_sandbox)
    started = {kind: here.start("cursus", page_size=size_of(kind)) for kind in FAULTS}
    runs = {kind: process.finish() for kind, process in started.items()}
    assert [fault["struck"] for fault in quiet_sandbox.control("GET", "faults")] == [1] * len(
        FAULTS
    )
    quiet_sandbox.clear_faults()
    return runs


@pytest.mark.few(1)
@pytest.mark.parametrize("kind", FAULTS)
def test_a_failure_in_the_middle_costs_no_row_and_repeats_none(
    survivors: dict[str, Run], quiet_sandbox: RunningSandbox, kind: str
) -> None:
    run = survivors[kind]
    assert run.exit_code == 0, run.log
    assert run.ids("cursus") == [row["id"] for row in quiet_sandbox.truth("cursus")]


@pytest.mark.few(3)
@pytest.mark.parametrize("kind", FAULTS)
def test_a_failure_is_told_in_one_line_without_the_server_s_page(
    survivors: dict[str, Run], kind: str
) -> None:
    log = survivors[kind].log
    (line,) = [line for line in log.splitlines() if "try 1 failed" in line]
    assert "cursus" in line
    assert not [line for line in survivors[kind].warnings if "failed" in line]
    assert "<html" not in log
    assert "Traceback" not in log


def test_an_answer_that_drips_is_waited_for(tap: Tap, sandbox: RunningSandbox) -> None:
    sandbox.fault("drip", seconds=0.3, count=1)
    run = tap.pointed_at(sandbox).run("cursus")
    assert run.ids("cursus") == [row["id"] for row in sandbox.truth("cursus")]


def test_rows_of_a_page_that_was_cut_come_once(tap: Tap, sandbox: RunningSandbox) -> None:
    sandbox.fault("cut", every=2, count=2, query="page[size]=30")
    run = tap.pointed_at(sandbox, page_size=30).run("cursus")
    assert run.ids("cursus") == [row["id"] for row in sandbox.truth("cursus")]


@pytest.fixture(scope="module")
def gaps(tap: Tap) -> dict[str, float]:
    """Seconds between the first try and the second, by kind of `Retry-After`.

    It is half past an hour at 42, as no wait goes beyond the end of an hour.
    """
    half_past = 1_800_000_000 // 3600 * 3600 + 1800
    ahead = half_past - time.time()

    def refusal(asked: Asked) -> Reply:
        asked_for = {
            "number": "2",
            "date": formatdate(time.time() + ahead + 3, usegmt=True),
            "nonsense": "soon",
        }
        kind = asked.path.split("/")[1]
        headers = {"Retry-After": asked_for[kind]} if kind in asked_for else {}
        return Reply(b"429 Too Many Requests", 429, headers)

    kinds = ("number", "date", "nonsense", "nothing")
    with scripted_api() as api:
        api.ahead, started = ahead, {}
        here = replace(tap, now=half_past)
        for kind in kinds:
            api.script[f"/{kind}/oauth/token"] = api.script["/oauth/token"]
            api.script[f"/{kind}/v2/cursus"] = in_turn(refusal, paged([CURSUS]))
            started[kind] = here.pointed_at(api, api_url=f"{api.url}/{kind}").start("cursus")
        for process in started.values():
            run = process.finish()
            assert run.exit_code == 0, run.log
            assert run.ids("cursus") == [21]
        return {
            kind: api.asked_for(f"/{kind}/v2/cursus")[1].at
            - api.asked_for(f"/{kind}/v2/cursus")[0].at
            for kind in kinds
        }


@pytest.mark.parametrize("kind", ["number", "date"])
def test_a_server_that_asks_for_time_gets_it(gaps: dict[str, float], kind: str) -> None:
    assert gaps[kind] >= 2


@pytest.mark.parametrize("kind", ["nonsense", "nothing"])
def test_a_server_that_asks_for_nothing_is_left_alone_for_a_second(
    gaps: dict[str, float], kind: str
) -> None:
    assert gaps[kind] >= 1
