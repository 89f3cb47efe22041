"""The state of a run leaves behind its records, and no more often than it is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ft42_sandbox.testing import RunningSandbox

    from tests.tap.running import Tap

LIVE = ("users", "projects_users", "achievements_users", "census", "sync_requests", "sync_runs")


@pytest.fixture
def here(tap: Tap, sandbox: RunningSandbox) -> Tap:
    """Return a tap that reads the sandbox."""
    return tap.pointed_at(sandbox)


def test_a_quiet_run_writes_its_state_once_and_last(here: Tap) -> None:
    first = here.run(*LIVE)
    second = here.run(*LIVE, state=first.state)
    kinds = [message["type"] for message in second.messages]
    assert "RECORD" in kinds
    assert kinds.count("STATE") == 1
    assert kinds[-1] == "STATE"


def test_a_run_that_fails_still_says_what_it_has_read(here: Tap) -> None:
    first = here.run("cursus", "users")
    broken = here.fail("cursus", "users", state=first.state, client_secret="wrong")
    states = [message["value"] for message in broken.messages if message["type"] == "STATE"]
    assert len(states) == 1
    assert states[0]["bookmarks"]["users"] == first.state["bookmarks"]["users"]


def test_no_list_comes_into_the_state_while_it_may_be_written(here: Tap) -> None:
    run = here.run("users", "campuses", "projects_users")
    states = [message["value"] for message in run.messages if message["type"] == "STATE"]
    assert {"campus_users"} < states[-1]["bookmarks"].keys()
    assert states[0]["bookmarks"].keys() == states[-1]["bookmarks"].keys()
