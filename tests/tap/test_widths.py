"""An API whose ranges may reach only so far costs a few requests more, and loses no change."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.sandboxes import running_sandbox
from tests.tap.proofs import AT_ONCE, asked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ft42_sandbox.testing import RunningSandbox

    from tests.tap.running import Tap

QUARTER = 900
STREAMS = ("users", "projects_users", "achievements_users", "achievements")
"""What a quarter-hour asks for, with a request each where nothing limits it."""
MOST_TIMES = 3
ROUTES = (
    "/v2/cursus/{cursus_id}/users", "/v2/projects_users", "/v2/achievements_users",
    "/v2/achievements",
)  # fmt: skip


@pytest.fixture
def narrow(tmp_path: Path) -> Iterator[RunningSandbox]:
    """A sandbox whose ranges may reach a million: of ids, or of milliseconds."""
    report = tmp_path / "narrow.json"
    route = {"status": 200, "differs": {"widest_range": 1_000_000}}
    report.write_text(json.dumps({"format": 1, "routes": dict.fromkeys(ROUTES, route)}))
    size: dict[str, Any] = {"users": 1_000, "enrolments": 4_000, "achievements_per_user": 15}
    with running_sandbox(**size, **{"as": str(report)}) as running:
        yield running


def test_a_quarter_hour_of_narrow_windows_costs_three_times_as_much_at_most(
    tap: Tap, narrow: RunningSandbox
) -> None:
    here = tap.pointed_at(narrow, **AT_ONCE, page_size=20)
    first = here.run(*STREAMS, page_size=100)
    state, students = first.state, first.ids("users")
    for round_ in range(3):
        narrow.control("POST", "clock", {"move": QUARTER})
        person = students[round_]
        asked(narrow)
        narrow.update("users", person, wallet=1_000 + round_)
        narrow.control("POST", "clock", {"move": 2})
        run = here.run(*STREAMS, state=state)
        assert person in run.ids("users")
        state = run.state
        requests = asked(narrow)
    assert requests <= MOST_TIMES * len(STREAMS)
