"""A pipeline that is killed at any moment, again and again, loses no row and few requests."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.landed import landed_tables
from tests.end_to_end.oracle import differences, expected_to_land
from tests.end_to_end.pair import pair
from tests.sandboxes import running_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ft42_sandbox.testing import RunningSandbox

    from tests.postgres import Database

NOT_LOADED = {"campus_achievements", "campus_users"}  # off by default
KILLS = 10


@pytest.fixture(scope="module")
def api() -> Iterator[RunningSandbox]:
    """An API that takes its time, so that there are moments to be killed at."""
    with running_sandbox(
        users=150, enrolments=1500, achievements_per_user=10, requests_per_second=80
    ) as running:
        running.control("POST", "settings", {"latency": "real", "latency_factor": 0.02})
        yield running


@pytest.mark.long
def test_kills_at_any_moment_lose_no_row_and_cost_few_requests(
    api: RunningSandbox, database: Database, tmp_path: Path
) -> None:
    seconds = pair(tmp_path / "pair", api, database).finish()
    needed = api.requests()["total"]
    expected = expected_to_land(api)
    luck = random.Random(42)  # noqa: S311 - no secret
    kills, spent = 0, []
    while kills < KILLS:
        load = pair(tmp_path / "pair", api, database)
        if load.is_killed_after(luck.uniform(0, seconds)):
            kills += 1
            load.finish()
        spent.append(api.requests()["total"])
        landed = landed_tables(database)
        for table, rows in expected.items():
            if table not in NOT_LOADED:
                assert differences(rows, landed[table]) == [], table
    # What is killed after the tap has ended, but before a first state came back, must be
    # read again: nothing tells it from a state that was thrown away.
    spent.sort()
    assert sum(spent[: KILLS * 8 // 10]) <= 1.1 * needed * KILLS * 8 // 10, (needed, spent)
