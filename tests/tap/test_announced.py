"""A target is told the columns of what has rows, and columns that it has not been told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ft42_sandbox.testing import RunningSandbox

    from tests.tap.running import Run, Tap

STREAMS = ("cursus", "users", "projects_users", "rejected_records", "sync_runs")
AT_ONCE: dict[str, Any] = {"settle_seconds": 0, "overlap_seconds": 0}


def announced(run: Run) -> set[str]:
    """Which streams a run has told the columns of, each once and before its rows."""
    told: list[str] = []
    for message in run.messages:
        if message["type"] == "SCHEMA":
            told.append(message["stream"])
        elif message["type"] != "STATE":
            assert message["stream"] in told
    assert len(told) == len(set(told))
    return set(told)


def test_a_run_that_finds_nothing_makes_the_loader_prepare_only_the_table_of_runs(
    tap: Tap, mutable: RunningSandbox
) -> None:
    here = tap.pointed_at(mutable, **AT_ONCE)
    first = here.run(*STREAMS)
    assert announced(first) == {*STREAMS}
    second = here.run(*STREAMS, state=first.state)
    assert announced(second) == {"sync_runs"}
    mutable.update("users", first.ids("users")[0], wallet=4242)
    third = here.run(*STREAMS, state=second.state)
    assert announced(third) == {"users", "sync_runs"}


def test_columns_that_a_target_has_not_been_told_are_told_at_once(
    tap: Tap, sandbox: RunningSandbox
) -> None:
    here = tap.pointed_at(sandbox)
    state = here.run("users", "sync_runs").state
    fewer = here.run("users", "sync_runs", state=state, stream_maps={"users": {"login": None}})
    assert announced(fewer) == {"users", "sync_runs"}
    more = here.run("users", "rejected_records", "sync_runs", state=state)
    assert announced(more) == {"rejected_records", "sync_runs"}


@pytest.mark.few(1)
@pytest.mark.parametrize("ids", [[9, 21], [21]], ids=str)
def test_what_was_told_is_remembered_when_the_cursus_change(
    tap: Tap, sandbox: RunningSandbox, ids: list[int]
) -> None:
    here = tap.pointed_at(sandbox)
    first = here.run("projects_users", "sync_runs", cursus_ids=[9, 21])
    second = here.run("projects_users", "sync_runs", cursus_ids=ids, state=first.state)
    assert announced(second) == {"sync_runs"}
