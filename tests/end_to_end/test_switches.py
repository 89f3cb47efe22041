"""Each stream has one switch, in one place, for all jobs."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.docs.stranger import copy_of_the_project
from tests.end_to_end.conftest import BIN

if TYPE_CHECKING:
    from pathlib import Path

    from ft42_sandbox.testing import RunningSandbox

    from tests.end_to_end.conftest import Pipeline
    from tests.postgres import Database

SWITCHES = {
    stream: f"    - '!{stream}.*'\n" for stream in ("campus_achievements", "campus_users")
}


def with_switches(project: Path, *streams: str) -> Path:
    """Take the lines away that keep streams from being loaded."""
    file = project / "meltano.yml"
    text = file.read_text(encoding="utf-8")
    for stream in streams:
        assert text.count(stream + ".*") == 1, "there is a second place"
        text = text.replace(SWITCHES[stream], "")
    file.write_text(text, encoding="utf-8")
    return project


@pytest.mark.long
def test_a_night_loads_what_is_switched_on_in_one_place(
    tmp_path: Path, pipeline: Pipeline, sandbox: RunningSandbox, database: Database
) -> None:
    project = with_switches(copy_of_the_project(tmp_path / "project"), *SWITCHES)
    done = subprocess.run(
        [BIN / "meltano", "run", "nightly"],
        cwd=project, env=pipeline.environment, capture_output=True, check=False, text=True,
        timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    for stream in SWITCHES:
        assert database.rows(stream), stream
    # Rows of people who are erased do not stay.
    there = {row["id"] for row in sandbox.truth("campus_users")}
    assert {row["id"] for row in database.rows("campus_users")} <= there


def loaded(project: Path, pipeline: Pipeline, extractor: str) -> set[str]:
    """Return the streams that Meltano would let an extractor load."""
    done = subprocess.run(
        [BIN / "meltano", "invoke", "--dump=catalog", extractor],
        cwd=project, env=pipeline.environment, capture_output=True, check=True, text=True,
        timeout=120,
    )  # fmt: skip
    return {
        stream["stream"]
        for stream in json.loads(done.stdout)["streams"]
        for entry in stream["metadata"]
        if entry["breadcrumb"] == [] and entry["metadata"].get("selected")
    }


@pytest.mark.slow
def test_no_job_loads_what_is_switched_off_in_one_place(
    tmp_path: Path, pipeline: Pipeline
) -> None:
    project = with_switches(copy_of_the_project(tmp_path / "project"), "campus_users")
    live, reference = (
        loaded(project, pipeline, extractor)
        for extractor in ("tap-ft42-live", "tap-ft42-reference")
    )
    assert {"users", "projects_users", "cursus_users"} <= live
    assert {"achievements", "campus_users"} <= reference
    file = project / "meltano.yml"
    text = file.read_text(encoding="utf-8")
    switch = SWITCHES["campus_achievements"]
    off = "".join(
        switch.replace("campus_achievements", name) for name in ("users", "achievements")
    )
    file.write_text(text.replace(switch, switch + off), encoding="utf-8")
    assert loaded(project, pipeline, "tap-ft42-live") == live - {"users"}
    assert loaded(project, pipeline, "tap-ft42-reference") == reference - {"achievements"}
