"""The jobs over the sandbox: the published tables are what 42 has, and keys hold."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from psycopg import sql

from tests.end_to_end.oracle import Row, Table, differences, expected_tables
from tests.tap.proofs import a_day_later

if TYPE_CHECKING:
    from collections.abc import Collection

    from ft42_sandbox.testing import RunningSandbox

    from tests.end_to_end.conftest import Pipeline
    from tests.postgres import Database

# With the column by which a row is about a person, None if about nobody.
TABLES = {
    "cursus": None,
    "campuses": None,
    "projects": None,
    "achievements": None,
    "campus_achievements": None,
    "blocs": None,
    "coalitions": None,
    "users": "id",
    "projects_users": "user_id",
    "achievements_users": "user_id",
    "coalitions_users": "user_id",
}
COMPUTED = {"bloc_id", "campus_id", "rank"}
"""Columns of coalitions and their members that the API does not have, or has stale."""


def expected_published(sandbox: RunningSandbox) -> dict[str, Table]:
    """Return what must be published: the rows of students who are not anonymised."""
    tables = expected_tables(sandbox)
    students = {
        row["id"] for row in tables["users"].values() if not row["login"].startswith("3b3-")
    }
    projects = {row["id"] for row in tables["projects"].values()}
    return {
        table: {
            key: row
            for key, row in tables[table].items()
            if (person is None or row[person] in students)
            and (table != "projects_users" or row["project_id"] in projects)
        }
        for table, person in TABLES.items()
    }


def published_tables(database: Database) -> dict[str, Table]:
    tables: dict[str, Table] = {}
    for table in TABLES:
        rows = database.query(
            sql.SQL("SELECT * FROM ft42.{}").format(sql.Identifier(table)).as_string()
        )
        key = ("campus_id", "achievement_id") if table == "campus_achievements" else ("id",)
        ours = {"first_seen_at", "last_changed_at"}
        ours |= COMPUTED if table in {"coalitions", "coalitions_users"} else set()
        ours |= {"cursus_ids"} if table in {"users", "projects"} else set()
        tables[table] = {
            tuple(row[column] for column in key): {
                name: value for name, value in row.items() if name not in ours
            }
            for row in rows
        }
    return tables


def without(team: Row, persons: set[int]) -> Row:
    """Take persons out of a team, and their login out of its name."""
    logins = [member["login"] for member in team["users"] if member["id"] in persons]
    return {
        **{
            name: None
            if name in {"name", "repo_url"} and any(login in str(value) for login in logins)
            else value
            for name, value in team.items()
        },
        "users": [member for member in team["users"] if member["id"] not in persons],
    }


def let_a_day_pass(
    pipeline: Pipeline,
    *loads: str,
) -> None:
    """Make the next census due.

    In Meltano's database itself: its command takes a second to read or write one state.

    Args:
        pipeline: what has run the loads.
        loads: names of the loads; those of the night if none.
    """
    nightly = ("tap-ft42-live-to-target-postgres", "tap-ft42-reference-to-target-postgres")
    file = pipeline.environment["MELTANO_DATABASE_URI"].removeprefix("sqlite:///")
    with closing(sqlite3.connect(file)) as connection, connection:
        for load in loads or nightly:
            state_id = f"prod:{load}"
            (state,) = connection.execute(
                "SELECT completed_state FROM state WHERE state_id = ?", [state_id]
            ).fetchone()
            later = {"singer_state": a_day_later(json.loads(state)["singer_state"])}
            connection.execute(
                "UPDATE state SET completed_state = ? WHERE state_id = ?",
                [json.dumps(later), state_id],
            )


def assert_published(
    database: Database, sandbox: RunningSandbox, absent: Collection[int] = ()
) -> None:
    """Compare the published tables with the truth, which has persons that are read by none."""
    expected, published = expected_published(sandbox), published_tables(database)
    erased = {
        row["user_id"] for row in database.query("SELECT user_id FROM ft42_warehouse.erasures")
    }
    for row in expected["projects_users"].values():
        row["teams"] = [without(team, erased) for team in row["teams"]]
    for table, rows in expected.items():
        if table == "coalitions_users":
            rows = {  # noqa: PLW2901 - the same rows, less a column
                key: {name: value for name, value in row.items() if name != "rank"}
                for key, row in rows.items()
            }
        rows = {  # noqa: PLW2901 - the same rows
            key: row for key, row in rows.items() if row.get(TABLES[table] or "") not in absent
        }
        assert rows, f"the sandbox has no {table} to compare"
        assert differences(rows, published[table]) == [], table


def test_after_a_night_the_published_tables_are_what_42_has(
    pipeline: Pipeline, sandbox: RunningSandbox, database: Database
) -> None:
    pipeline.run("nightly")
    assert_published(database, sandbox)
    (counted,) = database.query("SELECT sum(rows) AS rows FROM ft42.orphans")
    landed = sum(len(database.rows(table)) for table in TABLES if table.endswith("_users"))
    shown = sum(
        len(rows)
        for table, rows in published_tables(database).items()
        if table.endswith("_users")
    )
    (waiting,) = database.query(
        "SELECT count(DISTINCT (table_name, row_id)) AS rows FROM ft42.orphan_rows"
    )
    assert counted["rows"] >= waiting["rows"] == landed - shown > 0


def test_after_a_quarter_of_an_hour_they_follow(
    pipeline: Pipeline, sandbox: RunningSandbox, database: Database
) -> None:
    sandbox.live(events={"mark": 20, "visit": 20, "enrol": 10, "badge": 10})
    pipeline.run("incremental", TAP_FT42_SETTLE_SECONDS="0", TAP_FT42_OVERLAP_SECONDS="0")
    assert_published(database, sandbox)


def test_after_a_night_what_has_disappeared_is_gone_with_all_that_hung_on_it(
    pipeline: Pipeline, sandbox: RunningSandbox, database: Database
) -> None:
    before = {row["id"] for row in database.query("SELECT id FROM ft42.users")}
    sandbox.live(events={"disappear": 4, "anonymise": 2, "unregister": 5, "graduate": 1})
    let_a_day_pass(pipeline)
    output = pipeline.run("nightly", TAP_FT42_SETTLE_SECONDS="0", TAP_FT42_OVERLAP_SECONDS="0")
    left = before - {row["id"] for row in database.query("SELECT id FROM ft42.users")}
    assert left == before - {row for (row,) in expected_published(sandbox)["users"]}
    assert len(left) >= 3
    for schema in ("ft42", "ft42_raw"):
        for table, person in TABLES.items():
            if person:
                query = sql.SQL("SELECT FROM {} WHERE {} = ANY (%s)").format(
                    sql.Identifier(schema, table), sql.Identifier(person)
                )
                assert database.query(query.as_string(), [*left]) == [], (schema, table)
    assert_published(database, sandbox)
    assert "All promises hold" in output
