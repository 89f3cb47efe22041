"""Whether workers that load groups of campuses side by side use the quota up, and keep to it.

    export PYTHONPATH=target-config/airflow/dags
    python -m tools.benchmarks.workers                   some 10 minutes
    python -m tools.benchmarks.workers --enrolments 4000 --workers 3

A sandbox enforces 42's limits and takes 42's time to answer. Each worker is the
``meltano run`` of the DAGs, without Airflow; all share one account in PostgreSQL. What is
told comes from the sandbox's log.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from http import HTTPStatus
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import click
from ft42_sandbox.testing import running_sandbox
from ft42_schedules import Group, group_name, groups

from tests.airflow.rig import credentials, server
from tests.docs.stranger import copy_of_the_project, variables
from tools.benchmarks.report import Table

if TYPE_CHECKING:
    from ft42_sandbox.testing import RunningSandbox

    from tools.benchmarks.report import Value

PER_SECOND = 2
PER_HOUR = 1200


@click.command()
@click.option("--users", default=2000, show_default=True)
@click.option("--enrolments", default=24_000, show_default=True)
@click.option("--workers", type=int, multiple=True, default=(1, 3), show_default=True)
def main(users: int, enrolments: int, workers: tuple[int, ...]) -> None:
    """Load the enrolments of 54 campuses by one worker, then by three."""
    table = Table(
        "A first load of enrolments by groups of campuses",
        f"{enrolments:,} enrolments of 54 campuses, {PER_SECOND} requests a second allowed, "
        "answers as slow as 42's. The rate is of all requests, from the first to the last.",
    )
    for count in workers:
        with (
            tempfile.TemporaryDirectory(prefix="ft42-workers-") as folder,
            running_sandbox(
                users=users, enrolments=enrolments, latency="real",
                requests_per_second=PER_SECOND, requests_per_hour=PER_HOUR,
            ) as sandbox,
        ):  # fmt: skip
            load(Path(folder), sandbox, count)
            table.rows.append({"workers": count, **told(sandbox)})
    click.echo(table.markdown())


def load(folder: Path, sandbox: RunningSandbox, workers: int) -> None:
    """Load all enrolments into an empty database.

    Args:
        folder: for the project and the server.
        sandbox: what is read.
        workers: number of groups; each has a worker of its own.
    """
    campus_ids = [campus["id"] for campus in sandbox.truth("campus")]
    with server(folder) as database:
        project = copy_of_the_project(folder / "project")
        (project / ".env").write_text(credentials(sandbox, database))
        shards = " ".join(map(group_name, range(workers)))
        prepared = meltano(project, "warehouse:init", WAREHOUSE_SHARDS=shards)
        assert prepared.wait() == 0, "warehouse init failed"
        started = [worker(project, group) for group in groups(campus_ids, workers)]
        codes = [process.wait() for process in started]
        logs = [file.read_text()[-2000:] for file in project.glob(".meltano/*/log")]
        assert codes == [0] * workers, "\n".join(logs)


def worker(project: Path, group: Group) -> subprocess.Popen[bytes]:
    """Start the load of a group as its DAG does."""
    name = group_name(group.number)
    folder = project / ".meltano" / name
    folder.mkdir()
    for installed in ("extractors", "loaders", "utilities"):
        (folder / installed).symlink_to(project / ".meltano" / installed)
    return meltano(
        project, "tap-ft42-enrolments", "target-postgres",
        MELTANO_SYS_DIR_ROOT=str(folder),
        MELTANO_RUN_STATE_ID_SUFFIX=name,
        TAP_FT42_CAMPUS_IDS=json.dumps(group.campus_ids),
        TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA=f"ft42_raw_{name}",
    )  # fmt: skip


def meltano(project: Path, *blocks: str, **environment: str) -> subprocess.Popen[bytes]:
    """Start ``meltano run``; what it says goes to a file in its folder."""
    folder = Path(environment.get("MELTANO_SYS_DIR_ROOT", project / ".meltano"))
    with (folder / "log").open("w") as log:
        return subprocess.Popen(
            [project / ".venv/bin/meltano", "run", "--no-install", *blocks],
            cwd=project,
            env={**variables(), "MELTANO_ENVIRONMENT": "prod", **environment},
            stdout=log,
            stderr=log,
        )


def told(sandbox: RunningSandbox) -> dict[str, Value]:
    """Return how the requests came, by the sandbox's log."""
    log = [entry for entry in sandbox.log() if entry["route"] != "token"]
    sent = sorted(entry["at"] for entry in log)
    seconds = sent[-1] - sent[0]
    rate = (len(sent) - 1) / seconds
    refused = sum(entry["status"] == HTTPStatus.TOO_MANY_REQUESTS for entry in log)
    return {
        "requests": len(sent),
        "seconds": seconds,
        "a second": f"{rate:.2f}",
        "% of the quota": 100 * rate / PER_SECOND,
        "refused (429)": refused,
        "longest pause, s": max(later - sooner for sooner, later in pairwise(sent)),
    }


if __name__ == "__main__":
    main()
