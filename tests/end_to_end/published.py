"""What must be published, worked out from the sandbox's truth, and what is."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from psycopg import sql

from tests.end_to_end.oracle import Table, differences, expected_tables, without
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
    "cursus_users": "user_id",
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
    projects, campuses = (
        {row["id"] for row in tables[table].values()} for table in ("projects", "campuses")
    )
    return {
        table: {
            key: row
            for key, row in tables[table].items()
            if (person is None or row[person] in students)
            and (table != "projects_users" or row["project_id"] in projects)
            and (table != "projects_users" or row["campus_id"] in campuses)
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
    database: Database,
    sandbox: RunningSandbox,
    absent: Collection[int] = (),
    *,
    is_after_a_night: bool = False,
) -> None:
    """Compare the published tables with the truth.

    Args:
        database: what was published into.
        sandbox: what was read.
        absent: persons that are read by none.
        is_after_a_night: whether levels are compared, which nights read.
    """
    expected, published = expected_published(sandbox), published_tables(database)
    erased = {
        row["user_id"] for row in database.query("SELECT user_id FROM ft42_warehouse.erasures")
    }
    for row in expected["projects_users"].values():
        row["teams"] = [without(team, erased) for team in row["teams"]]
    for row in expected["coalitions"].values():
        row["user_id"] = None if row["user_id"] in erased else row["user_id"]
    for row in expected["blocs"].values():
        for coalition in row["coalitions"]:
            if coalition["user_id"] in erased:
                coalition["user_id"] = None
    for table, rows in expected.items():
        if table == "cursus_users" and not is_after_a_night:
            continue
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
