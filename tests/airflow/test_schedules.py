"""What of `meltano.yml` a DAG is made of; Airflow is not needed for this."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest
from ft42_schedules import Group, Schedule, Task, groups, schedules

from tests.end_to_end.conftest import BIN, ROOT

if TYPE_CHECKING:
    from pathlib import Path

_JOBS = """
jobs:
- name: weekly
  tasks:
  - tap-ft42-live target-postgres
  - [tap-other target-jsonl, "warehouse:check"]
schedules:
- {name: sundays, interval: "@weekly", job: weekly, env: {TAP_FT42_PAGE_SIZE: 50}}
- {name: by-hand, interval: "@manual", job: weekly}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "meltano.yml").write_text("include_paths: [more/*.yml]\n")
    (tmp_path / "more").mkdir()
    (tmp_path / "more/jobs.yml").write_text(_JOBS)
    return tmp_path


def test_each_schedule_of_meltano_becomes_one_with_the_same_interval_and_job() -> None:
    listed = subprocess.run(
        [BIN / "meltano", "schedule", "list", "--format=json"],
        cwd=ROOT, capture_output=True, check=True, text=True,
    )  # fmt: skip
    known = json.loads(listed.stdout)["schedules"]["job"]
    assert {(s.name, s.interval, s.job) for s in schedules(ROOT)} == {
        (s["name"], s["interval"], s["job"]["name"]) for s in known
    }


def test_the_night_runs_its_tasks_in_order_and_enrolments_beside_people() -> None:
    (nightly,) = [schedule for schedule in schedules(ROOT) if schedule.name == "nightly"]
    assert [[task.name for task in step] for step in nightly.steps] == [
        ["warehouse-init-nightly"],
        ["tap-ft42-reference-to-target-postgres"],
        ["tap-ft42-people-to-target-postgres", "tap-ft42-enrolments-to-target-postgres"],
        ["warehouse-publish-nightly"],
        ["warehouse-check"],
        ["warehouse-outcome-nightly"],
    ]
    fanned_out = [(t.name, t.groups) for step in nightly.steps for t in step if t.groups]
    assert fanned_out == [("tap-ft42-enrolments-to-target-postgres", 3)]


@pytest.mark.slow
def test_what_a_load_is_split_into_loads_the_same_streams() -> None:
    def selected(extractor: str) -> set[str]:
        done = subprocess.run(
            [BIN / "meltano", "config", "print", extractor, "--extras"],
            cwd=ROOT, capture_output=True, check=True, text=True,
        )  # fmt: skip
        return set(json.loads(done.stdout)["_select_filter"])

    assert selected("tap-ft42-people") | selected("tap-ft42-enrolments") == selected(
        "tap-ft42-live"
    )


def test_a_job_that_is_added_appears(project: Path) -> None:
    steps = (
        (Task(("tap-ft42-live", "target-postgres")),),
        (Task(("tap-other", "target-jsonl", "warehouse:check")),),
    )
    assert schedules(project) == [
        Schedule("sundays", "weekly", "@weekly", steps, {"TAP_FT42_PAGE_SIZE": "50"}),
        Schedule("by-hand", "weekly", None, steps),
    ]


def test_a_schedule_of_a_job_that_does_not_exist_is_refused(project: Path) -> None:
    (project / "meltano.yml").write_text(
        "schedules: [{name: nightly, interval: '@daily', job: nightly}]\n"
    )
    with pytest.raises(KeyError, match="nightly"):
        schedules(project)


def test_a_campus_stays_in_its_group_whichever_others_come_and_go() -> None:
    before = groups([1, 4, 5, 9], 3)
    assert before == [Group(0, (9,)), Group(1, (1, 4)), Group(2, (5,))]
    assert groups([1, 7, 9], 3) == [Group(0, (9,)), Group(1, (1, 7))]
    assert groups([], 3) == []
