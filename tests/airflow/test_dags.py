"""The DAGs on a real Airflow with several workers, one of them killed.

``FT42_TEST_EXECUTOR=CeleryExecutor`` in the environment tests them with Celery.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import psutil
import psycopg
import pytest

from tests.airflow.rig import credentials, server, url
from tests.airflow.running import AIRFLOW, Airflow, running_airflow, wait_for
from tests.docs.stranger import copy_of_the_project, variables
from tests.end_to_end.published import assert_published
from tests.sandboxes import running_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ft42_sandbox.testing import RunningSandbox

    from tests.postgres import Database

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not AIRFLOW.exists(), reason="Airflow is not here: `make airflow`"),
]

PER_SECOND = 2


@dataclass(frozen=True)
class Rig:
    """All that a turn needs."""

    airflow: Airflow
    sandbox: RunningSandbox
    database: Database
    project: Path


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with tempfile.TemporaryDirectory(prefix="ft42-airflow-") as folder, server(
        Path(folder)
    ) as database, running_sandbox(
        users=120, enrolments=1200, achievements_per_user=5,
    ) as sandbox:  # fmt: skip
        project = copy_of_the_project(Path(folder) / "project")
        (project / ".env").write_text(credentials(sandbox, database))
        load_reference(project)
        sandbox.configure(
            latency="real", latency_factor=0.1,
            requests_per_second=PER_SECOND, requests_per_hour=1200,
        )  # fmt: skip
        sandbox.reset_requests()
        with running_airflow(
            project, Path(folder) / "airflow",
            executor=os.environ.get("FT42_TEST_EXECUTOR", "LocalExecutor"),
            database=url(database, "airflow"),
            environment={**variables(), "MELTANO_ENVIRONMENT": "prod"},
        ) as airflow:  # fmt: skip
            yield Rig(airflow, sandbox, database, project)


def load_reference(project: Path) -> None:
    """Load the hundreds of requests that are not what these tests are about."""
    subprocess.run(
        [
            project / ".venv/bin/meltano", "run",
            "warehouse:init", "tap-ft42-reference", "target-postgres",
        ],
        cwd=project, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT,
        env={
            **variables(),
            "MELTANO_ENVIRONMENT": "prod",
            "TAP_FT42_REQUESTS_PER_SECOND": "0",
            "TAP_FT42_REQUESTS_PER_HOUR": "0",
        },
    )  # fmt: skip


def test_a_worker_that_is_killed_costs_its_own_slice_and_the_rest_is_published(
    rig: Rig,
) -> None:
    airflow, sandbox = rig.airflow, rig.sandbox
    night = airflow.switch_on("ft42_nightly")
    wait_for(
        lambda: len(enrolments_of(sandbox, 1)) > 5 and bool(loads_of("ft42_nightly", "group1")),
        "a load in the middle",
        600,
    )
    quarter = airflow.switch_on("ft42_incremental")

    kill_load(airflow, "ft42_nightly", "group1")
    killed_at = time.time()
    five_minutes_pass(rig.database)
    # Meltano goes on to refuse this one, so that it fails for good.
    wait_for(lambda: bool(loads_of("ft42_incremental", "group2")), "another load", 600)
    kill_load(airflow, "ft42_incremental", "group2")

    assert airflow.finish("ft42_nightly", night) == "success"
    loads = airflow.groups("ft42_nightly", night)
    assert {group: load["state"] for group, load in loads.items()} == {
        "group0": "success", "group1": "success", "group2": "success",
    }  # fmt: skip
    assert loads["group1"]["try_number"] > loads["group0"]["try_number"] == 1
    assert airflow.finish("ft42_incremental", quarter) == "failed"
    loads = airflow.groups("ft42_incremental", quarter)
    assert {group: load["state"] for group, load in loads.items()} == {
        "group0": "success", "group1": "success", "group2": "failed",
    }  # fmt: skip
    tasks = airflow.tasks("ft42_incremental", quarter)
    assert tasks["warehouse-publish-outcome-incremental"] == "success"

    assert_published(rig.database, sandbox)
    log = sandbox.log()
    # The hour of the census may strike between the two DAGs: both count then.
    asked = Counter(
        entry["target"]
        for entry in enrolments_asked_for(sandbox)
        if entry["status"] == HTTPStatus.OK and not entry["target"].endswith("page[size]=1")
    )
    # Some were answered when there was nobody any more to hear it.
    its_slice = {
        entry["target"]
        for entry in enrolments_asked_for(sandbox)
        if of_group(entry["target"], 1) and entry["at"] <= killed_at
    }
    assert {target for target, times in asked.items() if times > 1} <= its_slice
    # A machine that is slow delivers requests in bunches, of which the API refuses some.
    refused = [entry for entry in log if entry["status"] == HTTPStatus.TOO_MANY_REQUESTS]
    assert len(refused) <= len(log) / 10
    taken = sorted(entry["at"] for entry in log if entry["status"] == HTTPStatus.OK)
    assert len(taken) <= PER_SECOND * (taken[-1] - taken[0] + 1)


def enrolments_asked_for(sandbox: RunningSandbox) -> list[dict[str, Any]]:
    """Return the requests for enrolments."""
    return [entry for entry in sandbox.log() if entry["route"] == "GET /v2/projects_users"]


def enrolments_of(sandbox: RunningSandbox, number: int) -> set[str]:
    """Return the requests for the enrolments of a group of campuses."""
    asked = {entry["target"] for entry in enrolments_asked_for(sandbox)}
    return {target for target in asked if of_group(target, number)}


def of_group(target: str, number: int) -> bool:
    """Tell whether a request asks for campuses of a group only."""
    # A look for campuses that 42 does not list asks for all of them, and names none.
    named = parse_qs(urlsplit(target).query).get("filter[campus]", [])
    campus_ids = [int(campus_id) for ids in named for campus_id in ids.split(",")]
    return {campus_id % 3 for campus_id in campus_ids} == {number}


def loads_of(dag: str, group: str) -> set[int]:
    """Return the process groups in which a tap reads for a group of campuses."""
    return {
        os.getpgid(process.pid)
        for process in psutil.process_iter()
        if _is_tap_of(
            process, {"AIRFLOW_CTX_DAG_ID": dag, "MELTANO_RUN_STATE_ID_SUFFIX": group}
        )
    }


def _is_tap_of(process: psutil.Process, wanted: dict[str, str]) -> bool:
    try:
        is_tap = any(word.endswith("/tap-ft42") for word in process.cmdline()[:2])
        return is_tap and wanted.items() <= process.environ().items()
    except psutil.Error:
        return False


def kill_load(airflow: Airflow, dag: str, group: str) -> None:
    """Kill all processes of a load, as a kernel does that runs out of memory.

    A worker that does nothing else dies, too, as a machine does that loses its power.
    """
    loads = loads_of(dag, group)
    assert loads, f"no load of {group} is running"
    for load in map(psutil.Process, loads):
        (*_, doomed) = (load, *(p for p in load.parents() if p.pid in airflow.workers))
        for process in (doomed, *doomed.children(recursive=True)):
            process.kill()


def five_minutes_pass(database: Database) -> None:
    """Let the last sign of life of loads be as old as Meltano wants it."""
    with psycopg.connect(url(database, "meltano")) as connection:
        connection.execute(
            "UPDATE runs SET last_heartbeat_at = last_heartbeat_at - interval '5 minutes'"
            " WHERE state = 'RUNNING'"
        )
