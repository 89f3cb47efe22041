"""A DAG for each schedule of ``meltano.yml``: point Airflow's ``dags_folder`` here.

Each task is a ``meltano run`` in the project's own environment; Airflow brings the
times, the retries and the workers. docs/how-to/airflow.md says how to set it up.
"""

from __future__ import annotations

import json
import os
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, TriggerRule
from ft42_schedules import Group, Schedule, Task, group_name, groups, schedules

PROJECT = Path(__file__).resolve().parents[3]

POOL = "ft42"
"""Its slots are the loads that run side by side. What keeps them inside the quota,
however many they are, is the tap's ``quota_store``."""

ENVIRONMENT = os.environ.get("MELTANO_ENVIRONMENT", "prod")
LANDING_SCHEMA = os.environ.get("TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA", "ft42_raw")

_LOAD = """\
set -e
umask 077
home=".meltano/airflow/{name}${{MELTANO_RUN_STATE_ID_SUFFIX:+-$MELTANO_RUN_STATE_ID_SUFFIX}}"
mkdir -p "$home"
# One run of a state at a time. The lock goes with the process, however that ends.
exec 9> "$home/lock"
flock 9
# Runs of one extractor that share this folder would write each other's catalog.
for installed in extractors loaders utilities; do
  ln -sfn "$PWD/.meltano/$installed" "$home/$installed"
done
export MELTANO_SYS_DIR_ROOT="$PWD/$home"
exec .venv/bin/meltano run --no-install {blocks}
"""

_COMMAND = "umask 077\nexec .venv/bin/meltano run --no-install {blocks}\n"
_CAMPUSES = "umask 077\nexec .venv/bin/meltano --log-level=error invoke warehouse campuses\n"
_FAILURE = "echo Not all tasks succeeded: see the red ones. >&2; exit 1"

_COMMAND_TAKES = timedelta(hours=2)
_LOAD_TAKES = timedelta(hours=12)
"""The longest that a load may take which has no budget."""

_LOAD_ENDS = timedelta(minutes=20)
"""The longest that a load may take to end once its budget is spent."""


def dag_of(schedule: Schedule) -> DAG:
    """Return the DAG of a schedule."""
    with DAG(
        f"ft42_{schedule.name}",
        schedule=schedule.interval,
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,
        tags=["ft42", "meltano"],
        description=f"The job {schedule.job} of meltano.yml",
        doc_md=_documentation(schedule),
        default_args={
            "cwd": str(PROJECT),
            "append_env": True,
            "retries": 2,
            # Airflow's default delay of five minutes is the least that it waits: for so
            # long Meltano takes a run that was killed for a living one.
            "retry_exponential_backoff": 2,
        },
    ) as dag:
        tasks: list[Any] = []
        before: list[Any] = []
        for number, step in enumerate(schedule.steps):
            rule = _trigger_rule(schedule, number)
            made = [_operators(schedule, task, rule) for task in step]
            for chain in made:
                before >> chain[0]
                tasks += chain
            before = [chain[-1] for chain in made]
        # A publish after a load that failed must not make the turn look well.
        tasks >> BashOperator(
            task_id="failure",
            bash_command=_FAILURE,
            trigger_rule=TriggerRule.ONE_FAILED,
            retries=0,
        )
    return dag


def _trigger_rule(schedule: Schedule, number: int) -> TriggerRule:
    """Say when a step begins.

    What some loads brought is published although others failed for good; where nothing
    could be loaded, nothing follows.
    """
    follows_loads = number > 0 and any(task.is_load for task in schedule.steps[number - 1])
    if follows_loads and not any(task.is_load for task in schedule.steps[number]):
        return TriggerRule.ALL_DONE_MIN_ONE_SUCCESS
    return TriggerRule.ALL_SUCCESS


def _operators(schedule: Schedule, task: Task, rule: TriggerRule) -> list[Any]:
    """Return the operators of a task, one after the other."""
    environment = {"MELTANO_ENVIRONMENT": ENVIRONMENT} | schedule.environment
    if not task.is_load:
        return [
            BashOperator(
                task_id=task.name,
                bash_command=_COMMAND.format(blocks=shlex.join(task.blocks)),
                env=environment | _shards(schedule),
                trigger_rule=rule,
                execution_timeout=_COMMAND_TAKES,
                # Asked again, it says the same.
                **({"retries": 0} if task.is_outcome else {}),
            )
        ]
    load = {
        "task_id": task.name,
        "bash_command": _LOAD.format(name=task.name, blocks=shlex.join(task.blocks)),
        "pool": POOL,
        "execution_timeout": _load_takes(schedule),
    }
    of_loads = environment | _budget(schedule)
    if not task.groups:
        return [BashOperator(**load, env=of_loads, trigger_rule=rule)]
    dealt = BashOperator(
        task_id=f"{task.name}-groups",
        bash_command=_CAMPUSES,
        env=environment,
        output_processor=lambda campus_ids: [
            of_loads | _scope(group) for group in groups(json.loads(campus_ids), task.groups)
        ],
        trigger_rule=rule,
        execution_timeout=_COMMAND_TAKES,
    )
    mapped = BashOperator.partial(
        **load, map_index_template="{{ task.env['MELTANO_RUN_STATE_ID_SUFFIX'] }}"
    ).expand(env=dealt.output)
    return [dealt, mapped]


def _shards(schedule: Schedule) -> dict[str, str]:
    """Return the variable that names the groups to ``warehouse init``."""
    count = max(task.groups for step in schedule.steps for task in step)
    return {"WAREHOUSE_SHARDS": " ".join(map(group_name, range(count)))} if count else {}


def _budget(schedule: Schedule) -> dict[str, str]:
    if schedule.max_minutes is None:
        return {}
    return {"TAP_FT42_MAX_MINUTES": str(schedule.max_minutes)}


def _load_takes(schedule: Schedule) -> timedelta:
    if schedule.max_minutes is None:
        return _LOAD_TAKES
    # It may first wait for a load of the same state, which another DAG began.
    return 2 * (timedelta(minutes=schedule.max_minutes) + _LOAD_ENDS)


def _scope(group: Group) -> dict[str, str]:
    """Return the variables that make a load one of a group of campuses."""
    return {
        "MELTANO_RUN_STATE_ID_SUFFIX": group_name(group.number),
        "TAP_FT42_CAMPUS_IDS": json.dumps(group.campus_ids),
        "TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA": (
            f"{LANDING_SCHEMA}_{group_name(group.number)}"
        ),
    }


def _documentation(schedule: Schedule) -> str:
    """Return what the DAG's page says of it."""
    steps = "\n".join(
        f"{number}. " + ", ".join(f"`meltano run {' '.join(task.blocks)}`" for task in step)
        for number, step in enumerate(schedule.steps, 1)
    )
    return (
        f"The job `{schedule.job}` of the schedule `{schedule.name}` in `meltano.yml`:\n\n"
        f"{steps}\n\nA load that fails or is killed is tried again and goes on where it was; "
        "one that has spent its minutes goes on in the next turn. `failure` is red if any "
        "task failed, and skipped if none did."
    )


for _schedule in schedules(PROJECT):
    globals()[f"ft42_{_schedule.name}"] = dag_of(_schedule)
