"""The dbt package gives elsewhere what ``warehouse`` gives in PostgreSQL, here in DuckDB."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb
import pytest

from tests.end_to_end.conftest import ROOT, Pipeline, meltano_environment
from tests.end_to_end.landed import ALL_STREAMS, KEYS
from tests.end_to_end.landed import TABLES as LANDED
from tests.end_to_end.oracle import differences, expected_tables
from tests.end_to_end.other_targets import (
    as_the_api_has_it,
    latest,
    parquet,
    tables,
    with_empty_text_as_null,
)
from tests.end_to_end.published import COMPUTED, TABLES, expected_published, let_a_day_pass
from tests.sandboxes import running_sandbox
from tools.dbt_properties import properties

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ft42_sandbox.testing import RunningSandbox

    from tests.end_to_end.oracle import Row, Table

ALL = "{ft42_optional_streams: [campus_users]}"


@dataclass(frozen=True)
class Lake:
    """A DuckDB that the tap's target loads and that dbt builds on."""

    file: Path
    meltano: Pipeline
    api: RunningSandbox

    def load_and_build(self) -> str:
        """Load, build and test all models; return what dbt says."""
        self.meltano.run("tap-ft42", "target-duckdb")
        return self.dbt("build", "--vars", ALL)

    def dbt(self, *arguments: str) -> str:
        done = self.meltano.attempt("invoke", "dbt", *arguments)
        assert done.returncode == 0, done.stdout[-4000:]
        return done.stdout

    def published(self) -> dict[str, list[Row]]:
        return tables(self.file, "ft42_published")

    def query(self, statement: str) -> list[tuple[object, ...]]:
        with duckdb.connect(str(self.file), read_only=True) as database:
            return database.execute(statement).fetchall()

    def differences(self, table: str, expected: Table) -> list[str]:
        """List what a published table lacks, has too much or has otherwise."""
        # Teams show members as they were when the row last changed; a computed column is
        # none of the API's.
        ignored = {"teams", *(COMPUTED if table.startswith("coalitions") else ())}
        rows = as_the_api_has_it(
            table, latest(self.published()[table], KEYS.get(table, ("id",)))
        )
        return differences(
            *(
                {
                    key: {name: value for name, value in row.items() if name not in ignored}
                    for key, row in side.items()
                }
                for side in (with_empty_text_as_null(expected), rows)
            )
        )


def environment(folder: Path, api: RunningSandbox | None) -> dict[str, str]:
    """Return the variables of Meltano in a folder of its own."""
    (folder / "meltano").mkdir()
    return meltano_environment(folder / "meltano", api) | {
        "TAP_FT42__SELECT": ALL_STREAMS,
        "TAP_FT42_SETTLE_SECONDS": "0",
        "TAP_FT42_OVERLAP_SECONDS": "0",
        "TARGET_DUCKDB_PATH": f"{folder}/ft42.duckdb",
        "DBT_TARGET_PATH": f"{folder}/dbt",
        "DBT_LOG_PATH": f"{folder}/dbt",
    }


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory, project_of_others: Path) -> Iterator[Lake]:
    folder = tmp_path_factory.mktemp("lake")
    with running_sandbox(
        users=200, enrolments=2000, requests_per_second=0, requests_per_hour=0
    ) as api:
        yield Lake(
            folder / "ft42.duckdb", Pipeline(environment(folder, api), project_of_others), api
        )


@pytest.mark.slow
def test_the_models_are_what_42_has_and_all_their_tests_pass(lake: Lake) -> None:
    output = lake.load_and_build()
    assert "ERROR=0" in output
    expected = expected_published(lake.api)
    for table in TABLES:
        assert expected[table], f"the sandbox has no {table} to compare"
        assert lake.differences(table, expected[table])[:5] == [], table
    students = expected["users"]
    theirs = {
        key: row
        for key, row in expected_tables(lake.api)["campus_users"].items()
        if (row["user_id"],) in students and (row["campus_id"],) in expected["campuses"]
    }
    assert lake.differences("campus_users", theirs)[:5] == []


@pytest.mark.slow
def test_what_a_list_holds_has_a_row_each(lake: Lake) -> None:
    skills = lake.query(
        "SELECT cursus_user_id, user_id, skill_id, name, level "
        "FROM ft42_published.cursus_users_skills"
    )
    assert sorted(skills) == sorted(
        (row["id"], row["user_id"], skill["id"], skill["name"], skill["level"])
        for row in expected_published(lake.api)["cursus_users"].values()
        for skill in row["skills"]
    )


@pytest.mark.slow
def test_rows_without_a_parent_wait_among_the_orphans(lake: Lake) -> None:
    landed = tables(lake.file)
    published = lake.published()
    waiting = {(table, row) for table, row in lake.query(
        "SELECT table_name, row_id FROM ft42_published.orphan_rows"
    )}  # fmt: skip
    assert {table for table, _ in waiting} >= {"projects_users", "achievements_users"}
    for table in ("projects_users", "achievements_users", "coalitions_users"):
        shown = {row["id"] for row in published[table]}
        missing = {row["id"] for row in landed[table]} - shown
        assert {row for name, row in waiting if name == table} == missing, table
    assert lake.query("SELECT sum(row_count) FROM ft42_published.orphans") == lake.query(
        "SELECT count(*) FROM ft42_published.orphan_rows"
    )


@pytest.mark.slow
def test_dbt_tells_from_the_runs_whether_the_data_are_fresh(lake: Lake) -> None:
    assert "PASS freshness of ft42_raw.sync_runs" in lake.dbt("source", "freshness")
    with duckdb.connect(str(lake.file)) as database:
        database.execute("UPDATE ft42_raw.sync_runs SET ended_at = ended_at - INTERVAL 3 DAY")
    stale = lake.meltano.attempt("invoke", "dbt", "source", "freshness")
    assert stale.returncode != 0
    assert "ERROR STALE freshness of ft42_raw.sync_runs" in stale.stdout


@pytest.mark.slow
def test_what_has_disappeared_is_gone_with_all_that_hung_on_it(lake: Lake) -> None:
    before = {row["id"] for row in lake.published()["users"]}
    lake.api.live(events={"disappear": 4, "anonymise": 2, "unregister": 5, "graduate": 1})
    let_a_day_pass(lake.meltano, "tap-ft42-to-target-duckdb")
    lake.load_and_build()
    expected = expected_published(lake.api)
    left = before - {row["id"] for row in lake.published()["users"]}
    assert left == before - {user for (user,) in expected["users"]}
    assert len(left) >= 3
    for table in TABLES:
        assert lake.differences(table, expected[table])[:5] == [], table


@pytest.mark.slow
def test_the_landed_tables_become_parquet(lake: Lake, tmp_path: Path) -> None:
    lake.dbt("run-operation", "to_parquet", "--args", json.dumps({"folder": str(tmp_path)}))
    written, landed = parquet(tmp_path), tables(lake.file)
    assert set(written) == set(landed) >= set(LANDED)
    for stream, rows in landed.items():
        assert written[stream] == rows, stream
    ((kind,),) = duckdb.sql(
        f"SELECT DISTINCT type FROM parquet_schema('{tmp_path}/users.parquet') "  # noqa: S608 - the test's own
        "WHERE name = 'id'"
    ).fetchall()
    assert kind == "INT64"


@pytest.mark.slow
def test_a_census_of_one_cursus_leaves_the_copies_of_others_alone(
    project_of_others: Path, tmp_path: Path
) -> None:
    file = tmp_path / "ft42.duckdb"
    with duckdb.connect(str(file)) as database:
        land_in_two_cursus(database)
    meltano = Pipeline(environment(tmp_path, None), project_of_others)
    done = meltano.attempt("invoke", "dbt", "run")
    assert done.returncode == 0, done.stdout[-4000:]

    with duckdb.connect(str(file), read_only=True) as database:
        people = database.execute(
            "SELECT id, wallet, cursus_id FROM ft42_published.users ORDER BY id"
        )
        # 1 is still in 21; 2 was only in 9; of 3 the newest copy counts.
        assert people.fetchall() == [(1, 210, 21), (3, 90, 21)]
        gone = database.execute(
            "SELECT stream, id, cursus_id FROM ft42_published_staging.gone ORDER BY 2"
        )
        assert gone.fetchall() == [("users", 1, 9), ("users", 2, 9), ("cursus_users", 13, 0)]
        enrolments = database.execute(
            "SELECT id, final_mark, cursus_id FROM ft42_published.projects_users ORDER BY id"
        )
        assert enrolments.fetchall() == [(7, 100, 21)]
        levels = database.execute("SELECT id FROM ft42_published.cursus_users ORDER BY id")
        assert levels.fetchall() == [(11,), (12,)]


def land_in_two_cursus(database: duckdb.DuckDBPyConnection) -> None:
    """Land people, a project and an enrolment once for each cursus that they were read for."""
    kinds = {"integer": "HUGEINT", "number": "DOUBLE", "boolean": "BOOLEAN"}
    database.execute("CREATE SCHEMA ft42_raw")
    for file in (ROOT / "schemas").iterdir():
        schema = json.loads(file.read_text(encoding="utf-8"))
        columns = (
            {"cursus_id": "HUGEINT"} if file.stem in {"users", "projects", "census"} else {}
        )
        for name, column in schema["properties"].items():
            is_json = "array" in column["type"] or "object" in column["type"]
            is_instant = column.get("format") == "date-time"
            plain = next((sql for kind, sql in kinds.items() if kind in column["type"]), "TEXT")
            columns[name] = "JSON" if is_json else "TIMESTAMP" if is_instant else plain
        listed = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
        database.execute(
            f'CREATE TABLE ft42_raw."{file.stem}" ({listed}, _sdc_extracted_at TIMESTAMP)'
        )
    database.execute("""
        INSERT INTO ft42_raw.cursus (id) VALUES (9), (21);
        INSERT INTO ft42_raw.campuses (id) VALUES (1);
        INSERT INTO ft42_raw.projects (id, cursus_id, updated_at, _sdc_extracted_at)
        VALUES (5, 9, '2026-01-01', '2026-01-02'), (5, 21, '2026-01-01', '2026-01-02');
        INSERT INTO ft42_raw.users
            (id, cursus_id, login, kind, alumni, wallet, updated_at, _sdc_extracted_at)
        VALUES
            (1, 9, 'one', 'student', false, 9, '2026-01-01', '2026-01-02'),
            (1, 21, 'one', 'student', false, 210, '2026-01-01', '2026-01-02'),
            (2, 9, 'two', 'student', false, 9, '2026-01-01', '2026-01-02'),
            (3, 9, 'three', 'student', false, 90, '2026-01-05', '2026-01-06'),
            (3, 21, 'three', 'student', false, 21, '2026-01-01', '2026-01-02');
        INSERT INTO ft42_raw.projects_users
            (id, cursus_id, campus_id, user_id, project_id, final_mark, updated_at,
             _sdc_extracted_at)
        VALUES
            (7, 9, 1, 1, 5, 100, '2026-01-05', '2026-01-06'),
            (7, 21, 1, 1, 5, 0, '2026-01-01', '2026-01-02'),
            (8, 9, 1, 2, 5, 50, '2026-01-01', '2026-01-02');
        INSERT INTO ft42_raw.cursus_users
            (id, cursus_id, user_id, updated_at, _sdc_extracted_at)
        VALUES (11, 9, 1, '2026-01-01', '2026-01-02'), (12, 21, 1, '2026-01-01', '2026-01-02'),
            (13, 21, 3, '2026-01-01', '2026-01-02');
        INSERT INTO ft42_raw.census
            (stream, cursus_id, parent_id, first_id, last_id, total, ids, counted_at)
        VALUES
            ('users', 9, 0, 1, 100, 1, '[3]', '2026-01-03'),
            ('users', 21, 0, 1, 100, 2, '[1, 3]', '2026-01-03'),
            ('cursus_users', 21, 0, 1, 100, 1, '[12]', '2026-01-03'),
            ('projects_users', 0, 0, 1, 100, 2, NULL, '2026-01-03');
    """)


def test_what_dbt_is_told_of_the_tables_is_current() -> None:
    for file, text in properties().items():
        assert file.read_text(encoding="utf-8") == text, "run make docs"
