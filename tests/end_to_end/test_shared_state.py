"""Bookmarks in PostgreSQL: any machine goes on where another stopped."""

from __future__ import annotations

import os
import signal
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from ft42_warehouse.embedded import HOST, NAME

from tests.docs.stranger import copy_of_the_project, variables
from tests.end_to_end.published import assert_published
from tests.sandboxes import running_sandbox
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ft42_sandbox.testing import RunningSandbox

    from tests.postgres import Database

pytestmark = pytest.mark.long


@dataclass(frozen=True)
class Machine:
    """A checkout of the project; it shares servers with others, and no file."""

    project: Path
    environment: dict[str, str]

    def start(self, *arguments: str, **changes: str) -> subprocess.Popen[str]:
        """Start Meltano in a process group of its own."""
        return subprocess.Popen(
            [self.project / ".venv/bin/meltano", *arguments],
            cwd=self.project,
            env={**self.environment, **changes},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *blocks: str, **changes: str) -> str:
        """Run ``meltano run`` to a good end, and return what it prints."""
        process = self.start("run", *blocks, **changes)
        said, _ = process.communicate(timeout=280)
        assert process.returncode == 0, said[-4000:]
        return said


@pytest.fixture(scope="module")
def api() -> Iterator[RunningSandbox]:
    with running_sandbox(
        users=150, enrolments=1500, achievements_per_user=10, requests_per_second=40
    ) as running:
        running.control("POST", "settings", {"latency": "real", "latency_factor": 0.02})
        yield running


@pytest.fixture
def machines(api: RunningSandbox, database: Database, tmp_path: Path) -> list[Machine]:
    """Two machines that have loaded nothing yet."""
    database.reset()
    database.execute("DROP SCHEMA IF EXISTS meltano CASCADE")
    database.execute("CREATE SCHEMA meltano")
    api.reset_requests()
    server = f"{NAME}:{NAME}@{HOST}:{database.port}/{NAME}"
    made = []
    for name in ("one", "two"):
        project = copy_of_the_project(tmp_path / name)
        made.append(
            Machine(
                project,
                {
                    **variables(),
                    **database.environment,
                    "HOME": str(tmp_path / f"home-of-{name}"),
                    "MELTANO_ENVIRONMENT": "prod",
                    "MELTANO_DATABASE_URI": (
                        f"postgresql+psycopg://{server}?options=-csearch_path%3Dmeltano"
                    ),
                    "TAP_FT42_QUOTA_STORE": f"postgresql://{server}",
                    "TAP_FT42_API_URL": api.url,
                    "TAP_FT42_CLIENT_ID": api.client_id,
                    "TAP_FT42_CLIENT_SECRET": api.client_secret,
                    "TAP_FT42_REQUESTS_PER_SECOND": "40",
                    "TAP_FT42_REQUESTS_PER_HOUR": "0",
                },
            )
        )
    return made


def test_another_machine_goes_on_where_one_stopped(
    machines: list[Machine], api: RunningSandbox, database: Database
) -> None:
    one, two = machines
    one.run("warehouse:init", "tap-ft42-reference", "target-postgres")
    one.run("tap-ft42-live", "target-postgres", TAP_FT42_MAX_REQUESTS="40")
    assert database.rows("users") or database.rows("projects_users")
    read = pages_asked_for(api)
    api.reset_requests()

    two.run("tap-ft42-live", "target-postgres", "warehouse:publish")

    assert read & pages_asked_for(api) == set()
    assert_published(database, api)


def test_another_machine_reads_again_only_what_no_state_covers(
    machines: list[Machine], api: RunningSandbox, database: Database
) -> None:
    one, two = machines
    one.run("warehouse:init", "tap-ft42-reference", "target-postgres")
    one.run("tap-ft42-live", "target-postgres", TAP_FT42_MAX_REQUESTS="20")
    covered = pages_asked_for(api)
    killed = one.start("run", "tap-ft42-live", "target-postgres")
    until(lambda: len(pages_asked_for(api)) >= len(covered) + 20, seconds=120)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    refused = two.start("run", "tap-ft42-live", "target-postgres")
    said, _ = refused.communicate(timeout=120)
    assert refused.returncode != 0
    assert "is already running" in said
    five_minutes_pass(database)
    api.reset_requests()

    two.run("tap-ft42-live", "target-postgres", "warehouse:publish")

    assert covered & pages_asked_for(api) == set()
    assert_published(database, api)


def pages_asked_for(api: RunningSandbox) -> set[str]:
    """Return the requests for rows, each with all its parameters; those of one row count."""
    targets = {entry["target"] for entry in api.log() if entry["route"] != "token"}
    return {target for target in targets if "page[size]=1&" not in f"{target}&"}


def five_minutes_pass(database: Database) -> None:
    """Let the last sign of life of a load be as old as Meltano wants it."""
    database.execute(
        "UPDATE meltano.runs SET last_heartbeat_at = last_heartbeat_at - interval '5 minutes'"
        " WHERE state = 'RUNNING'"
    )
