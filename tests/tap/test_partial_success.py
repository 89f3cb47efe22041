"""Parts of a run fail alone; what ends a job is told by whoever asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tap.scripted import Reply, always, paged

if TYPE_CHECKING:
    from ft42_sandbox.testing import RunningSandbox

    from tests.tap.running import Row, Run, Tap
    from tests.tap.scripted import ScriptedApi

CURSUS = {"id": 21, "created_at": None, "name": "42", "slug": "42", "kind": "main"}
REFUSED = always(Reply({"error": "no Anna Nyman here"}, 403))
DOWN = always(Reply(b"<html>", 503))
OWN = "sync_runs"


@pytest.fixture
def partial(api: ScriptedApi) -> ScriptedApi:
    """An API that refuses the blocs, and nothing else."""
    api.script["/v2/cursus"] = paged([CURSUS])
    api.script["/v2/blocs"] = REFUSED
    return api


def the_run(run: Run) -> Row:
    (row,) = run.records(OWN)
    return row


def test_who_pipes_the_tap_by_hand_is_told_by_its_exit_code(
    tap: Tap, partial: ScriptedApi
) -> None:
    run = tap.pointed_at(partial).fail("cursus", "blocs", OWN)
    assert run.ids("cursus") == [21]
    assert "blocs" in run.last_word


def test_a_job_goes_on_and_the_ledger_says_what_failed_and_names_nobody(
    tap: Tap, partial: ScriptedApi
) -> None:
    run = tap.pointed_at(partial, partial_success=True).run("cursus", "blocs", OWN)
    assert run.ids("cursus") == [21]
    row = the_run(run)
    assert (row["outcome"], row["failed_streams"]) == ("failed", ["blocs"])
    assert row["reason"] == "not read completely: blocs (42 answered 403)"
    assert "ERROR" in run.log
    assert "The run is not complete. blocs" in run.log


def test_where_every_stream_failed_no_job_goes_on(tap: Tap, partial: ScriptedApi) -> None:
    partial.script["/v2/cursus"] = REFUSED
    run = tap.pointed_at(partial, partial_success=True).fail("cursus", "blocs", OWN)
    assert the_run(run)["outcome"] == "failed"


def test_where_nobody_would_be_told_the_exit_code_tells(tap: Tap, partial: ScriptedApi) -> None:
    tap.pointed_at(partial, partial_success=True).fail("cursus", "blocs")


def test_a_first_stream_that_is_down_for_good_does_not_end_the_run(
    tap: Tap, partial: ScriptedApi
) -> None:
    partial.script |= {"/v2/cursus": DOWN, "/v2/blocs": paged([])}
    run = tap.pointed_at(partial, partial_success=True).run("cursus", "blocs", OWN)
    assert the_run(run)["failed_streams"] == ["cursus"]


@pytest.mark.slow
def test_where_all_is_down_no_job_goes_on(tap: Tap, partial: ScriptedApi) -> None:
    partial.script |= {"/v2/cursus": DOWN, "/v2/blocs": DOWN}
    run = tap.pointed_at(partial, partial_success=True).fail("cursus", "blocs", OWN)
    assert the_run(run)["outcome"] == "failed"


@pytest.mark.slow
def test_a_stream_of_which_every_campus_fails_fails_alone(
    tap: Tap, sandbox: RunningSandbox
) -> None:
    sandbox.fault("503", route="/v2/projects_users")
    here = tap.pointed_at(sandbox, campus_ids=[1, 9, 21], partial_success=True)
    run = here.run("users", "projects_users", "coalitions_users", OWN)
    assert the_run(run)["failed_streams"] == ["projects_users"]
    assert run.ids("users")
    assert run.ids("coalitions_users")


@pytest.mark.slow
def test_two_streams_that_are_down_for_good_do_not_end_a_run_that_is_answered(
    tap: Tap, partial: ScriptedApi
) -> None:
    partial.script |= {"/v2/achievements": DOWN, "/v2/blocs": DOWN, "/v2/coalitions": paged([])}
    streams = ("cursus", "achievements", "blocs", "coalitions")
    run = tap.pointed_at(partial, partial_success=True).run(*streams, OWN)
    assert the_run(run)["failed_streams"] == ["achievements", "blocs"]
    assert partial.asked_for("/v2/coalitions")
