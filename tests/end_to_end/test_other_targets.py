"""The same tap with DuckDB, JSON lines and CSV, by real Meltano: all arrives, twice."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.end_to_end.conftest import ROOT, Pipeline, meltano_environment
from tests.end_to_end.landed import ALL_STREAMS, KEYS, TABLES
from tests.end_to_end.oracle import differences, expected_tables
from tests.end_to_end.other_targets import (
    as_the_api_has_it,
    comma_separated,
    json_lines,
    latest,
    tables,
    with_empty_text_as_null,
)
from tests.sandboxes import running_sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ft42_sandbox.testing import RunningSandbox

    from tests.end_to_end.oracle import Table
    from tests.end_to_end.other_targets import Written

READERS: dict[str, Callable[[Path], Written]] = {
    "target-duckdb": lambda folder: tables(folder / "ft42.duckdb"),
    "target-jsonl": lambda folder: json_lines(folder / "jsonl"),
    "target-csv": lambda folder: comma_separated(folder / "csv"),
}
# DuckDB's loader and CSV files have no other way to write an empty text.
EMPTY_TEXT_IS_NULL = {"target-duckdb", "target-csv"}
CLOUD = ("target-snowflake", "target-bigquery", "target-redshift", "target-clickhouse")

each_target = pytest.mark.parametrize("target", READERS)


@dataclass(frozen=True)
class Loaded:
    """What a run has left behind, and what it should have.

    Attributes:
        expected: each table by the sandbox's truth at that time.
        written: what each target has written by then.
    """

    expected: dict[str, Table]
    written: dict[str, Written]

    def differences(self, target: str, table: str) -> list[str]:
        """List what a table of a target lacks, has too much or has otherwise."""
        expected = self.expected[table]
        if target in EMPTY_TEXT_IS_NULL:
            expected = with_empty_text_as_null(expected)
        found = latest(self.written[target][table], KEYS.get(table, ("id",)))
        return differences(expected, as_the_api_has_it(table, found))


@dataclass(frozen=True)
class Lake:
    """Meltano with other targets, and the folder that they write to."""

    folder: Path
    meltano: Pipeline
    api: RunningSandbox

    def load(self) -> Loaded:
        """Run the tap with each target."""
        for target in READERS:
            self.meltano.run("tap-ft42", target)
        written = {target: read(self.folder) for target, read in READERS.items()}
        return Loaded(expected_tables(self.api), written)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory, project_of_others: Path) -> Iterator[Lake]:
    folder = tmp_path_factory.mktemp("lake")
    for name in ("jsonl", "csv"):
        (folder / name).mkdir()
    with running_sandbox(
        users=200, enrolments=2000, requests_per_second=0, requests_per_hour=0
    ) as api:
        meltano = Pipeline(
            meltano_environment(tmp_path_factory.mktemp("meltano"), api)
            | {
                "TAP_FT42__SELECT": ALL_STREAMS,
                "TAP_FT42_SETTLE_SECONDS": "0",
                "TARGET_DUCKDB_PATH": f"{folder}/ft42.duckdb",
                "TARGET_JSONL_DESTINATION_PATH": f"{folder}/jsonl",
                "TARGET_CSV_OUTPUT_PATH": f"{folder}/csv",
            },
            project_of_others,
        )
        yield Lake(folder, meltano, api)


@pytest.fixture(scope="module")
def first(lake: Lake) -> Loaded:
    return lake.load()


@pytest.fixture(scope="module")
def changed(lake: Lake, first: Loaded) -> dict[str, set[tuple[int, ...]]]:
    """What the API changes between the runs, by table."""
    users = set(sorted(first.expected["users"])[:3])
    enrolments = set(sorted(first.expected["projects_users"])[:4])
    for (user,) in users:
        lake.api.update("users", user, wallet=-1)
    for (enrolment,) in enrolments:
        lake.api.update("projects_users", enrolment, final_mark=0)
    return {"users": users, "projects_users": enrolments}


@pytest.fixture(scope="module")
def second(lake: Lake, changed: dict[str, set[tuple[int, ...]]]) -> Loaded:
    assert changed
    return lake.load()


@pytest.mark.slow
@each_target
@pytest.mark.parametrize("table", TABLES)
def test_every_row_equals_the_api_column_by_column(
    target: str, table: str, first: Loaded
) -> None:
    assert first.expected[table], "there is nothing to compare"
    assert first.differences(target, table)[:5] == []


@pytest.mark.slow
@each_target
@pytest.mark.parametrize("table", TABLES)
def test_the_last_row_of_each_key_equals_the_api_after_a_second_run(
    target: str, table: str, second: Loaded
) -> None:
    assert second.differences(target, table)[:5] == []


@pytest.mark.slow
@each_target
def test_the_second_run_writes_little_and_destroys_nothing(
    target: str, first: Loaded, second: Loaded, changed: dict[str, set[tuple[int, ...]]]
) -> None:
    for table in ("users", "projects_users", "achievements_users"):
        before = first.written[target][table]
        after = second.written[target][table]
        added = len(after) - len(before)
        if target == "target-duckdb":
            assert added == 0, "it replaces rows"
        else:
            assert after[: len(before)] == before
            assert len(changed.get(table, ())) <= added < len(before) / 4


@pytest.mark.slow
@pytest.mark.parametrize("target", sorted(EMPTY_TEXT_IS_NULL))
def test_an_empty_text_and_null_are_one_where_the_page_says_so(
    target: str, first: Loaded
) -> None:
    has_empty_text = {
        table for table, rows in first.expected.items() if with_empty_text_as_null(rows) != rows
    }
    assert has_empty_text, "the sandbox must have some to tell"
    for table in has_empty_text:
        rows = latest(first.written[target][table], KEYS.get(table, ("id",)))
        assert with_empty_text_as_null(rows) == rows


def test_csv_has_json_in_all_columns_that_hold_lists_or_objects() -> None:
    plugins = yaml.safe_load(
        (ROOT / "target-config/others/other-targets.meltano.yml").read_text(encoding="utf-8")
    )["plugins"]["loaders"]
    (csv,) = (plugin for plugin in plugins if plugin["name"] == "target-csv")
    (maps,) = (item for item in csv["settings"] if item["name"] == "stream_maps")
    expected = {}
    for file in (ROOT / "schemas").iterdir():
        schema = json.loads(file.read_text(encoding="utf-8"))
        expected[file.stem] = {
            name: f"json.dumps(record.get('{name}'), default=float)"
            for name, column in schema["properties"].items()
            if "array" in column["type"] or "object" in column["type"]
        }
    assert maps["value"] == {stream: columns for stream, columns in expected.items() if columns}


@pytest.mark.slow
@pytest.mark.parametrize("target", CLOUD)
def test_meltano_takes_the_settings_of_targets_that_are_not_run_here(
    target: str, project_of_others: Path, tmp_path: Path
) -> None:
    name = target.upper().replace("-", "_")
    password = {"target-bigquery": "credentials_json"}.get(target, "password")
    meltano = Pipeline(
        meltano_environment(tmp_path, None) | {f"{name}_{password.upper()}": "kept secret"},
        project_of_others,
    )
    listed = meltano.attempt("config", "list", "--all", target)
    assert listed.returncode == 0, listed.stdout
    assert "kept secret" not in listed.stdout
    assert "(redacted)" in listed.stdout
    assert "ft42_raw" in listed.stdout
