"""That ``make bench`` measures what it says, with the tools that need nothing more."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tools.benchmarks.job import ROOT

if TYPE_CHECKING:
    from pathlib import Path

TOOLS = ("tap-ft42", "plain SDK tap")

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """The rows of each table of a quick run, by title."""
    directory: Path = tmp_path_factory.mktemp("bench")
    subprocess.run(
        [
            sys.executable, "-m", "tools.benchmarks.bench", "--quick",
            "--directory", directory,
            *(word for tool in TOOLS for word in ("--tool", tool)),
        ],
        cwd=ROOT,
        check=True,
        timeout=240,
    )  # fmt: skip
    report = json.loads((directory / "report.json").read_text())
    assert (directory / "report.md").read_text().startswith("# Benchmarks")
    return {table["title"]: table["rows"] for table in report["tables"]}


@pytest.mark.parametrize(
    "title", ["Within the quota: all streams", "Within the quota: students only"]
)
def test_loads_within_the_quota_are_held_against_the_least_possible_time(
    tables: dict[str, list[dict[str, Any]]], title: str
) -> None:
    rows = tables[title]

    assert [row["tool"] for row in rows] == [*TOOLS]
    for row in rows:
        assert row["requests"] > 0
        assert row["rows"] > 0
        # A second of the server's clock may begin or end within the load.
        assert row["least possible s"] <= row["s without start-up"] + 1
        assert row["s without start-up"] < row["s in all"]


def test_all_tools_load_all_rows_without_limits(
    tables: dict[str, list[dict[str, Any]]],
) -> None:
    rows = tables["Without limit and latency"]

    ours, theirs = (row["rows"] for row in rows)
    assert theirs < ours < theirs * 1.05  # only ours reads campuses that are not listed
    assert all(row["rows/s"] > 0 and row["MB in all"] > 0 for row in rows)
    assert all(row["CPU µs a row"] > 0 for row in rows)


def test_a_rival_that_fails_is_a_failed_bench(tmp_path: Path) -> None:
    broken = tmp_path / "bin/jq"
    broken.parent.mkdir()
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    done = subprocess.run(
        [
            sys.executable, "-m", "tools.benchmarks.bench", "--quick", "--stage", "speed",
            "--tool", "curl + jq + psql", "--directory", tmp_path / "bench",
        ],
        cwd=ROOT,
        env={**os.environ, "PATH": f"{broken.parent}:{os.environ['PATH']}"},
        capture_output=True, check=False, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 1
    assert "Failed: curl + jq + psql" in done.stderr


def test_rows_that_stood_still_are_looked_for_in_the_tables(
    tables: dict[str, list[dict[str, Any]]],
) -> None:
    for row in tables["Rows lost while life goes on"]:
        assert row["runs that failed"] == 0
        assert 0 <= row["of them lost"] < row["rows that stood still"] / 10


def test_what_was_killed_is_started_until_all_rows_are_there(
    tables: dict[str, list[dict[str, Any]]],
) -> None:
    for row in tables["Killed half-way"]:
        assert row["starts"] > 1
        assert 0 < row["when killed"] <= row["until done"]
        assert row["rows missing"] == 0


def test_validators_are_compared(tables: dict[str, list[dict[str, Any]]]) -> None:
    figures = {row["validator"]: row["µs a row"] for row in tables["Validators"]}

    assert figures["jsonschema-rs"] > 0
