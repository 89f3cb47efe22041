"""Meltano → sandbox → stock target → PostgreSQL, compared with the sandbox's truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.landed import ALL_STREAMS, KEYS, TABLES, landed_tables
from tests.end_to_end.oracle import differences, expected_to_land

if TYPE_CHECKING:
    from datetime import datetime

    from ft42_sandbox.testing import RunningSandbox

    from tests.end_to_end.conftest import Pipeline
    from tests.postgres import Database

pytestmark = pytest.mark.slow


def written_after(database: Database, moment: datetime) -> set[tuple[str, int]]:
    """Return (table, id) of the incremental tables' rows that were loaded after."""
    return {
        (table, row["id"])
        for table in ("users", "projects_users", "achievements_users", "projects")
        for row in database.query(
            f"SELECT id FROM ft42_raw.{table} WHERE _sdc_batched_at > %s",  # noqa: S608 - names are above
            moment,
        )
    }


def gone_rows(database: Database) -> dict[str, set[tuple[int, ...]]]:
    """Return by table the keys of the landed rows that a census says to be gone."""
    gone = {}
    for table in TABLES:
        *parent, row = KEYS.get(table, ("id",))
        found = database.query(
            f"""
            SELECT {", ".join([*parent, row])} FROM ft42_raw.{table} WHERE EXISTS (
                SELECT FROM ft42_raw.census
                WHERE stream = %s AND parent_id = {parent[0] if parent else 0}
                AND {row} BETWEEN first_id AND last_id
                AND {table}._sdc_extracted_at < counted_at
                -- The target writes a null of JSON as JSON's null, not SQL's.
                AND jsonb_typeof(ids) = 'array' AND NOT ids @> to_jsonb({row})
            )
            """,  # noqa: S608 - names are above
            table,
        )
        gone[table] = {tuple(keys.values()) for keys in found}
    return gone


@pytest.fixture(scope="module")
def first_load(pipeline: Pipeline) -> str:
    pipeline.run("warehouse:init")
    return pipeline.run("tap-ft42", "target-postgres", TAP_FT42__SELECT=ALL_STREAMS)


@pytest.mark.usefixtures("first_load")
class TestLoad:
    """One load, looked at from several sides, then two more; the order matters."""

    def test_every_row_of_every_table_equals_the_api_column_by_column(
        self, database: Database, sandbox: RunningSandbox
    ) -> None:
        expected, landed = expected_to_land(sandbox), landed_tables(database)
        for table, rows in expected.items():
            assert rows, f"the sandbox has no {table} to compare"
            assert differences(rows, landed[table]) == [], table

    def test_nothing_is_rejected_and_nothing_is_undeclared(self, database: Database) -> None:
        assert database.rows("rejected_records") == []
        with_extra = [row for row in database.rows("users") if row["extra"] is not None]
        assert with_extra == []

    def test_what_the_load_asked_for_lands_beside_it(
        self, database: Database, sandbox: RunningSandbox
    ) -> None:
        (run,) = database.rows("sync_runs")
        asked = database.rows("sync_requests")
        assert run["requests"] == sum(row["requests"] for row in asked)
        assert run["requests"] == sandbox.requests()["total"]
        assert set(run["streams"]) >= set(TABLES)

    def test_a_second_run_changes_nothing_and_asks_for_little(
        self, database: Database, sandbox: RunningSandbox, pipeline: Pipeline
    ) -> None:
        before = landed_tables(database)
        first_requests = sandbox.requests()["total"]
        sandbox.reset_requests()
        pipeline.run("tap-ft42", "target-postgres", TAP_FT42__SELECT=ALL_STREAMS)
        assert landed_tables(database) == before
        routes = sandbox.requests()["routes"]
        assert routes["GET /v2/cursus/:id/users"]["count"] == 1
        assert routes["GET /v2/achievements_users"]["count"] == 1
        assert sandbox.requests()["total"] < first_requests

    def test_a_run_after_changes_loads_just_these(
        self, database: Database, sandbox: RunningSandbox, pipeline: Pipeline
    ) -> None:
        users = sorted(row["id"] for row in database.rows("users"))[:3]
        enrolments = sorted(row["id"] for row in database.rows("projects_users"))[:4]
        bookmarks = {
            table: max(row["updated_at"] for row in database.rows(table))
            for table in ("users", "projects_users", "achievements_users", "projects")
        }
        for number, user in enumerate(users):
            sandbox.update("users", user, wallet=1000 + number)
        for enrolment in enrolments:
            sandbox.update("projects_users", enrolment, final_mark=0)
        (now,) = database.query("SELECT clock_timestamp() AS now")

        pipeline.run(
            "tap-ft42", "target-postgres",
            TAP_FT42_SETTLE_SECONDS="0", TAP_FT42_OVERLAP_SECONDS="0",
        )  # fmt: skip

        expected, landed = expected_to_land(sandbox), landed_tables(database)
        for table in ("users", "projects_users"):
            assert differences(expected[table], landed[table]) == [], table
        changed = {("users", user) for user in users}
        changed |= {("projects_users", enrolment) for enrolment in enrolments}
        # A window is closed: rows that are as old as the bookmark are read again.
        allowed = changed | {
            (table, row["id"])
            for table, bookmark in bookmarks.items()
            for row in database.rows(table)
            if row["updated_at"] == bookmark
        }
        assert changed <= written_after(database, now["now"]) <= allowed

    def test_the_census_names_in_sql_what_the_api_no_longer_has(
        self, database: Database, sandbox: RunningSandbox, pipeline: Pipeline
    ) -> None:
        assert not any(gone_rows(database).values())
        sandbox.delete("achievements", database.rows("achievements")[0]["id"])
        pipeline.run(
            "tap-ft42", "target-postgres", TAP_FT42__SELECT=ALL_STREAMS,
            TAP_FT42_REFRESH_HOURS='{"achievements": 0, "campus_achievements": 0}',
        )  # fmt: skip
        kept = {table: set(rows) for table, rows in expected_to_land(sandbox).items()}
        gone = gone_rows(database)
        for table, rows in landed_tables(database).items():
            assert set(rows) - kept[table] == gone[table], table
        assert {table for table, rows in gone.items() if rows} == {
            "achievements", "campus_achievements",
        }  # fmt: skip
