"""Several applications, each with its campuses and its limits, fill one database."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.conftest import BIN, ROOT
from tests.end_to_end.published import assert_published
from tests.sandboxes import running_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ft42_sandbox.testing import RunningSandbox

    from tests.end_to_end.conftest import Pipeline
    from tests.postgres import Database

pytestmark = pytest.mark.slow

SHARED = ("GET /v2/cursus", "GET /v2/cursus/:id/projects", "GET /v2/achievements")
"""Routes of what does not differ by campus, but for the list of campuses itself."""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    """An API that knows two applications, each with limits of its own."""
    with running_sandbox(
        users=200, enrolments=2000, requests_per_second=8, requests_per_hour=1200
    ) as sandbox:
        sandbox.control(
            "POST", "applications", {"client_id": "second", "client_secret": "its own"}
        )
        yield sandbox


def campuses(sandbox: RunningSandbox) -> tuple[list[int], list[int]]:
    """Two groups, about as large as each other, and together all campuses."""
    ids = sorted(row["id"] for row in sandbox.truth("campus"))
    return ids[::2], ids[1::2]


def of_no_campus(sandbox: RunningSandbox) -> set[int]:
    """People whose main campus is in no list of campuses, so no application reads them."""
    listed = {row["id"] for row in sandbox.truth("campus")}
    home = {
        row["user_id"]: row["campus_id"]
        for row in sandbox.truth("campus_users")
        if row["is_primary"]
    }
    return {row["id"] for row in sandbox.truth("users") if home.get(row["id"]) not in listed}


def first(pipeline: Pipeline, sandbox: RunningSandbox) -> Pipeline:
    group, _ = campuses(sandbox)
    return type(pipeline)(
        pipeline.environment
        | {"TAP_FT42_CAMPUS_IDS": str(group), "TAP_FT42_REQUESTS_PER_SECOND": "8"}
    )


def second(pipeline: Pipeline, sandbox: RunningSandbox) -> Pipeline:
    _, group = campuses(sandbox)
    return type(pipeline)(
        pipeline.environment
        | {
            "TAP_FT42_CLIENT_ID": "second",
            "TAP_FT42_CLIENT_SECRET": "its own",
            "TAP_FT42_CAMPUS_IDS": str(group),
            "TAP_FT42_REQUESTS_PER_SECOND": "8",
            "TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA": "ft42_raw_second",
        }
    )


LOAD = ("--state-id-suffix=second", "tap-ft42-campuses", "target-postgres")


@contextmanager
def loading(pipeline: Pipeline, log: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """Let the second application load meanwhile, in a process group of its own."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [BIN / "meltano", "run", *options, *LOAD],
            cwd=ROOT,
            env=pipeline.environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def ids(database: Database, schema: str, table: str) -> set[int]:
    rows = database.query(f"SELECT id FROM {schema}.{table}")  # noqa: S608 - ours
    return {row["id"] for row in rows}


def asked_by_second(sandbox: RunningSandbox) -> list[str]:
    return [row["target"] for row in sandbox.log() if row["client_id"] == "second"]


def test_a_load_that_is_killed_halfway_holds_up_nobody(
    pipeline: Pipeline, sandbox: RunningSandbox, database: Database, tmp_path: Path
) -> None:
    pipeline.run("warehouse:init", WAREHOUSE_SHARDS="second")
    log = tmp_path / "second.log"
    with loading(second(pipeline, sandbox), log) as process:
        deadline = time.monotonic() + 120
        while len(asked_by_second(sandbox)) < 10 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert process.poll() is None, log.read_text(encoding="utf-8")
    pipeline.run("warehouse:publish")
    assert database.query("SELECT FROM ft42_raw_second.sync_runs") == []


def test_two_applications_load_at_once_what_one_would(
    pipeline: Pipeline, sandbox: RunningSandbox, database: Database, tmp_path: Path
) -> None:
    # The killed one has left its mark in Meltano's database.
    log = tmp_path / "second.log"
    with loading(second(pipeline, sandbox), log, "--force") as process:
        first(pipeline, sandbox).run("nightly")
        assert process.wait(240) == 0, log.read_text(encoding="utf-8")[-3000:]
    pipeline.run("warehouse:publish", "warehouse:check")
    assert_published(database, sandbox, of_no_campus(sandbox))


def test_nothing_that_belongs_to_one_campus_is_read_twice(
    sandbox: RunningSandbox, database: Database
) -> None:
    for table in ("users", "achievements_users", "blocs", "coalitions", "coalitions_users"):
        of_first, of_second = (
            ids(database, schema, table) for schema in ("ft42_raw", "ft42_raw_second")
        )
        assert of_first, table
        assert of_second, table
        assert not of_first & of_second, table
    both = ids(database, "ft42_raw", "projects_users") & ids(
        database, "ft42_raw_second", "projects_users"
    )
    campuses_of: dict[int, set[int]] = {}
    for row in sandbox.truth("campus_users"):
        campuses_of.setdefault(row["user_id"], set()).add(row["campus_id"])
    groups = [set(group) for group in campuses(sandbox)]
    assert both == {
        row["id"] for row in sandbox.truth("projects_users")
        if row["id"] in both and all(campuses_of[row["user"]["id"]] & g for g in groups)
    }  # fmt: skip


def test_what_does_not_differ_by_campus_is_read_by_one_application(
    sandbox: RunningSandbox,
) -> None:
    log = sandbox.log()
    routes = {(row["client_id"], row["route"]) for row in log}
    for route in SHARED:
        assert (sandbox.client_id, route) in routes
        assert ("second", route) not in routes
    refused = sum(row["status"] == 429 for row in log)
    assert {row["status"] for row in log} <= {200, 429}
    # What a busy machine sends late meets what it sends next, one second's requests at most.
    assert refused <= 8 + len(log) / 20, "the one that was killed forgot what it had just sent"


def test_a_quarter_of_an_hour_later_the_second_s_rows_follow(
    pipeline: Pipeline, sandbox: RunningSandbox, database: Database
) -> None:
    sandbox.live(events={"mark": 20, "enrol": 10, "badge": 10})
    now = {"TAP_FT42_SETTLE_SECONDS": "0", "TAP_FT42_OVERLAP_SECONDS": "0"}
    first(pipeline, sandbox).run("tap-ft42-live", "target-postgres", **now)
    done = second(pipeline, sandbox).attempt("run", "--force", *LOAD, **now)
    assert done.returncode == 0, done.stdout[-3000:]
    pipeline.run("warehouse:publish", "warehouse:check")
    assert_published(database, sandbox, of_no_campus(sandbox))
