"""A pipeline that is killed at any moment, again and again, loses no row and few requests."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from ft42_sandbox.testing import running_sandbox
from ft42_warehouse.embedded import HOST, NAME

from tests.end_to_end.conftest import BIN, ROOT
from tests.end_to_end.oracle import differences, expected_tables
from tests.end_to_end.test_load import landed_tables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ft42_sandbox.testing import RunningSandbox

    from tests.postgres import Database

TARGET = ROOT / ".meltano/loaders/target-postgres/venv/bin/target-postgres"
NOT_LOADED = {"campus_achievements", "campus_users", "cursus_users"}  # off by default
KILLS = 20


@pytest.fixture(scope="module")
def api() -> Iterator[RunningSandbox]:
    """An API that takes its time, so that there are moments to be killed at."""
    with running_sandbox(
        users=150, enrolments=1500, achievements_per_user=10, requests_per_second=80
    ) as running:
        running.control("POST", "settings", {"latency": "real", "latency_factor": 0.02})
        yield running


@dataclass
class Pair:
    """The tap and the target in a pipe, and the state between their runs.

    Attributes:
        folder: where settings, spool and state lie.
    """

    folder: Path

    def start(self) -> subprocess.Popen[bytes]:
        """Start both in a process group of their own."""
        states = self.folder / "states"
        state = ""
        if states.exists() and (lines := states.read_text().splitlines()):
            # The last line may have been cut.
            complete = [line for line in lines if line.endswith("}")]
            if complete:
                (self.folder / "state.json").write_text(complete[-1])
                state = "--state state.json"
        pipe = (
            f"set -o pipefail; {BIN / 'tap-ft42'} --config tap.json {state} 2>> tap.log"
            f" | {TARGET} --config target.json >> states 2>> target.log"
        )
        return subprocess.Popen(
            ["bash", "-c", pipe],  # noqa: S607 - any bash
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder), "PGTZ": "UTC"},
            start_new_session=True,
        )

    def finish(self) -> float:
        """Run to a good end, and return how many seconds it took."""
        started = time.monotonic()
        process = self.start()
        assert process.wait(120) == 0, (self.folder / "tap.log").read_text()[-2000:]
        return time.monotonic() - started

    def is_killed_after(self, seconds: float) -> bool:
        """Run until every process is killed, and tell whether that was in time."""
        process = self.start()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return True
        return False


def pair(folder: Path, api: RunningSandbox, database: Database) -> Pair:
    """A pair that has loaded nothing yet, and the tables for it."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir()
    tap: dict[str, Any] = {
        "api_url": api.url,
        "client_id": api.client_id,
        "client_secret": api.client_secret,
        "requests_per_second": 80,
        "requests_per_hour": 0,
        "quota_store": str(folder / "quota.sqlite"),
        "spool": str(folder / "spool"),
    }
    target = {
        "host": HOST, "port": database.port, "user": NAME, "password": NAME, "database": NAME,
        "default_target_schema": "ft42_raw", "use_copy": True, "validate_records": False,
        "activate_version": False,
    }  # fmt: skip
    (folder / "tap.json").write_text(json.dumps(tap))
    (folder / "target.json").write_text(json.dumps(target))
    database.reset()
    subprocess.run(
        [BIN / "warehouse", "init"],
        env={"PATH": os.environ["PATH"], **database.environment},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    api.reset_requests()
    return Pair(folder)


@pytest.mark.slow
def test_kills_at_any_moment_lose_no_row_and_cost_few_requests(
    api: RunningSandbox, database: Database, tmp_path: Path
) -> None:
    seconds = pair(tmp_path / "pair", api, database).finish()
    needed = api.requests()["total"]
    expected = expected_tables(api)
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
