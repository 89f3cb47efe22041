"""A Dagster job, and its times, for each schedule of ``meltano.yml``.

Each op is a ``meltano run`` of one task in the project's own environment; Dagster brings
the times, the retries and the page. docs/how-to/dagster.md says how to set it up.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from dagster import (
    Backoff,
    DagsterRunStatus,
    DefaultScheduleStatus,
    Definitions,
    In,
    Nothing,
    Out,
    RetryPolicy,
    RunsFilter,
    ScheduleDefinition,
    in_process_executor,
    job,
    op,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

PROJECT = Path(os.environ.get("MELTANO_PROJECT_ROOT", Path(__file__).parents[2]))
ENVIRONMENT = os.environ.get("MELTANO_ENVIRONMENT", "prod")

# For five minutes Meltano takes a run that was killed for a living one.
_RETRIES = RetryPolicy(max_retries=2, delay=300, backoff=Backoff.EXPONENTIAL)
_UNDER_WAY = [
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
]


def _op(name: str, task: str, *, is_first: bool) -> Any:  # noqa: ANN401 - Dagster has no one type for it
    """Return what runs a task, and begins when the one before has ended well."""

    def run() -> None:
        subprocess.run(  # noqa: S603 - a program of the project
            [PROJECT / ".venv/bin/meltano", "run", "--no-install", *task.split()],
            cwd=PROJECT,
            env=os.environ | {"MELTANO_ENVIRONMENT": ENVIRONMENT},
            umask=0o077,
            check=True,
        )

    # Asked again, an outcome says the same.
    is_outcome = re.match(r"warehouse:.*\boutcome\b", task)
    return op(
        name=re.sub(r"\W+", "_", f"{name} {task}"),  # no two jobs share one
        ins={} if is_first else {"before": In(Nothing)},
        out=Out(Nothing),
        retry_policy=None if is_outcome else _RETRIES,
    )(run)


def _job(name: str, tasks: Sequence[str]) -> Any:  # noqa: ANN401 - as above
    """Return the job that runs some tasks one after the other."""
    ops = [_op(name, task, is_first=number == 0) for number, task in enumerate(tasks)]

    def in_turn() -> None:
        first, *others = ops
        done = first()
        for other in others:
            done = other(before=done)

    # A process for each op would only wait for Meltano's.
    return job(
        name=f"ft42_{name}",
        description=f"{name} of meltano.yml",
        executor_def=in_process_executor,
    )(in_turn)


def _times(schedule: dict[str, str], made: Any) -> ScheduleDefinition:  # noqa: ANN401 - as above
    """Return the times of a job; a turn is skipped while the one before is under way."""

    def is_free(context: Any) -> bool:  # noqa: ANN401 - as above
        running = RunsFilter(job_name=made.name, statuses=_UNDER_WAY)
        return not context.instance.get_runs_count(running)

    return ScheduleDefinition(
        name=f"ft42_{schedule['name']}_times",
        job=made,
        cron_schedule=schedule["interval"],
        execution_timezone="UTC",
        default_status=DefaultScheduleStatus.RUNNING,
        should_execute=is_free,
    )


def definitions() -> Definitions:
    """Return what Dagster loads."""
    declared = yaml.safe_load((PROJECT / "meltano.yml").read_text(encoding="utf-8"))
    tasks = {one["name"]: one["tasks"] for one in declared["jobs"]}
    times = [
        _times(schedule, _job(schedule["name"], tasks[schedule["job"]]))
        for schedule in declared["schedules"]
    ]
    return Definitions(schedules=times)


defs = definitions()
