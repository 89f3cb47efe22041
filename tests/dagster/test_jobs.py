"""Dagster runs each schedule of meltano.yml at its times, task by task."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.known_files import ROOT

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

PYTHON = ROOT / ".local/dagster-venv/bin/python"
JOBS = ROOT / "target-config/dagster_jobs"

_DESCRIBE = """
import json
from ft42_jobs import defs
schedules = defs.get_repository_def().schedule_defs
print(json.dumps({s.job_name: [s.cron_schedule, s.execution_timezone] for s in schedules}))
"""
_RUN = """
import sys
from dagster import DagsterInstance
from ft42_jobs import defs
job = defs.get_job_def(sys.argv[1])
done = job.execute_in_process(raise_on_error=False, instance=DagsterInstance.ephemeral())
sys.exit(0 if done.success else 1)
"""
_SKIP = """
import sys
from dagster import DagsterInstance, DagsterRunStatus, build_schedule_context
from ft42_jobs import defs
(schedule,) = [
    s for s in defs.get_repository_def().schedule_defs if s.job_name == "ft42_nightly"
]
instance = DagsterInstance.local_temp()
def turn():
    context = build_schedule_context(instance, repository_def=defs.get_repository_def())
    return bool(schedule.evaluate_tick(context).run_requests)
before = turn()
instance.create_run_for_job(defs.get_job_def("ft42_nightly"), status=DagsterRunStatus.STARTED)
sys.exit(0 if (before, turn()) == (True, False) else 1)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose Meltano only notes how it was called, and fails where it is told."""
    (tmp_path / "meltano.yml").write_text((ROOT / "meltano.yml").read_text(encoding="utf-8"))
    meltano = tmp_path / ".venv/bin/meltano"
    meltano.parent.mkdir(parents=True)
    meltano.write_text(
        '#!/bin/sh\necho "$MELTANO_ENVIRONMENT $*" >> called\n'
        'case "$*" in *"${FAILS:-none}"*) exit 1;; esac\n'
    )
    meltano.chmod(0o755)
    return tmp_path


def python(project: Path, code: str, *arguments: str, **variables: str) -> str:
    done = subprocess.run(
        [PYTHON, "-W", "ignore", "-c", code, *arguments],
        cwd=JOBS,
        env=os.environ
        | {"MELTANO_PROJECT_ROOT": str(project), "DAGSTER_DISABLE_TELEMETRY": "1"}
        | variables,
        capture_output=True, check=False, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def called(project: Path) -> list[str]:
    return (project / "called").read_text(encoding="utf-8").splitlines()


def test_each_schedule_is_a_job_with_its_times(project: Path) -> None:
    declared = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))["schedules"]
    assert json.loads(python(project, _DESCRIBE)) == {
        f"ft42_{schedule['name']}": [schedule["interval"], "UTC"] for schedule in declared
    }


def test_a_job_runs_the_tasks_of_meltano_one_after_the_other(project: Path) -> None:
    jobs = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))["jobs"]
    for job in jobs:
        python(project, _RUN, f"ft42_{job['name']}")
        assert called(project) == [f"prod run --no-install {task}" for task in job["tasks"]]
        (project / "called").unlink()


def test_a_turn_is_skipped_while_the_one_before_is_under_way(project: Path) -> None:
    python(project, _SKIP)


def test_a_job_fails_with_its_outcome_which_is_asked_once(project: Path) -> None:
    with pytest.raises(AssertionError):
        python(project, _RUN, "ft42_incremental", FAILS="outcome-incremental")
    assert sum("outcome" in line for line in called(project)) == 1
