"""A real Airflow for tests: its own processes, a PostgreSQL, and a copy of the project."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import requests
from ft42_warehouse.embedded import HOST

from tests.end_to_end.conftest import ROOT
from tests.ports import free_port
from tests.tap.quotas import redis

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

AIRFLOW = ROOT / ".local/airflow-venv/bin/airflow"

_PREPARED_BY = {
    "migrate": ("db", "migrate"),
    "pools": ("pools", "set", "ft42", "6", "Loads"),
}
_PROCESSES: tuple[tuple[str, ...], ...] = (
    ("api-server",),
    ("dag-processor",),
    # Logs are read from files; else it would serve them to other machines.
    ("scheduler", "--skip-serve-logs"),
)
# As many as there are loads at once, each with a task at a time: one dies with one load.
_CELERY_WORKERS = tuple(
    (
        "celery", "worker", "--skip-serve-logs",
        "--concurrency=1", f"--celery-hostname=worker{number}@%h",
    )
    for number in range(6)
)  # fmt: skip
_STARTS_WITHIN = 300
_ENDED = ("success", "failed")


@dataclass(frozen=True)
class Airflow:
    """Airflow as its API shows it.

    Attributes:
        url: address of the API.
        home: its folder, with the logs of tasks.
        workers: processes that run nothing but tasks; the scheduler runs them if none.
    """

    url: str
    home: Path
    workers: frozenset[int]

    def switch_on(self, dag: str) -> str:
        """Unpause a DAG, and return the id of the run that its schedule begins then."""
        self._call("PATCH", f"dags/{dag}", {"is_paused": False})
        wait_for(lambda: bool(self._runs(dag)), f"a run of {dag}", 120)
        return str(self._runs(dag)[0]["dag_run_id"])

    def _runs(self, dag: str) -> list[dict[str, Any]]:
        runs: list[dict[str, Any]] = self._call("GET", f"dags/{dag}/dagRuns")["dag_runs"]
        return runs

    def state(self, dag: str, run: str) -> str:
        """Return the state of a run."""
        return str(self._call("GET", f"dags/{dag}/dagRuns/{run}")["state"])

    def tasks(self, dag: str, run: str) -> dict[str, str]:
        """Return the states of the tasks of a run that are not mapped."""
        return {
            instance["task_id"]: instance["state"]
            for instance in self._instances(dag, run)
            if instance["map_index"] < 0
        }

    def groups(self, dag: str, run: str) -> dict[str, dict[str, Any]]:
        """Return the loads of groups of campuses in a run, as Airflow's API lists them."""
        return {
            instance["rendered_map_index"]: instance
            for instance in self._instances(dag, run)
            if instance["map_index"] >= 0
        }

    def _instances(self, dag: str, run: str) -> list[dict[str, Any]]:
        instances: list[dict[str, Any]] = self._call(
            "GET", f"dags/{dag}/dagRuns/{run}/taskInstances"
        )["task_instances"]
        return instances

    def finish(self, dag: str, run: str, within: float = 600) -> str:
        """Wait for the end of a run, and return its state."""
        wait_for(lambda: self.state(dag, run) in _ENDED, f"the end of {dag}", within)
        return self.state(dag, run)

    def dags(self) -> list[dict[str, Any]]:
        """Return all DAGs that could be read."""
        read: list[dict[str, Any]] = self._call("GET", "dags")["dags"]
        return read

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:  # noqa: ANN401 - JSON
        token = requests.get(f"{self.url}/auth/token", timeout=30).json()["access_token"]
        answer = requests.request(
            method, f"{self.url}/api/v2/{path}",
            json=body, headers={"Authorization": f"Bearer {token}"}, timeout=30,
        )  # fmt: skip
        assert answer.ok, answer.text
        return answer.json()


def wait_for(happened: Callable[[], bool], what: str, within: float) -> None:
    """Wait until something is so.

    Raises:
        AssertionError: It took too long.
    """
    until = time.monotonic() + within
    while not happened():
        assert time.monotonic() < until, f"waited {within} s for {what}"
        time.sleep(0.5)


@contextmanager
def running_airflow(
    project: Path,
    home: Path,
    *,
    executor: str,
    database: str,
    environment: dict[str, str],
) -> Iterator[Airflow]:
    """Start the processes of an Airflow, and end them afterwards.

    Args:
        project: a copy of the project, whose DAGs are run.
        home: folder for logs; is made.
        executor: LocalExecutor, or CeleryExecutor with workers and a Redis of its own.
        database: URL of an empty PostgreSQL database, without the driver.
        environment: variables that tasks see, besides Airflow's own.
    """
    home.mkdir()
    port = free_port()
    own = {
        **environment,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(project / "target-config/airflow/dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": executor,
        "AIRFLOW__CORE__PARALLELISM": "8",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://{HOST}:{port}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "5",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database.replace("://", "+psycopg2://", 1),
        "AIRFLOW__API__HOST": HOST,
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__BASE_URL": f"http://{HOST}:{port}",
        "AIRFLOW__API_AUTH__JWT_SECRET": os.urandom(32).hex(),
    }
    with ExitStack() as stack:
        processes = _PROCESSES
        if executor == "CeleryExecutor":
            own["AIRFLOW__CELERY__BROKER_URL"] = stack.enter_context(redis())
            own["AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT"] = "60"
            processes += _CELERY_WORKERS
        for name, words in _PREPARED_BY.items():
            with (home / f"{name}.log").open("w") as log:
                subprocess.run([AIRFLOW, *words], env=own, stdout=log, stderr=log, check=True)
        started = stack.enter_context(_running(processes, home, own))
        workers = frozenset(process.pid for process in started[len(_PROCESSES) :])
        airflow = Airflow(f"http://{HOST}:{port}", home, workers)
        wait_for(lambda: _answers(airflow), "Airflow to read the DAGs", _STARTS_WITHIN)
        yield airflow


@contextmanager
def _running(
    processes: tuple[tuple[str, ...], ...], home: Path, environment: dict[str, str]
) -> Iterator[list[subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []
    try:
        for words in processes:
            with (home / f"{words[0]}{len(started)}.log").open("w") as log:
                started.append(
                    subprocess.Popen(
                        [AIRFLOW, *words], env=environment, cwd=home,
                        stdout=log, stderr=log, start_new_session=True,
                    )
                )  # fmt: skip
        yield started
    finally:
        for process in started:
            os.killpg(process.pid, signal.SIGTERM)
        for process in started:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _answers(airflow: Airflow) -> bool:
    try:
        return bool(airflow.dags())
    except requests.RequestException:
        return False
