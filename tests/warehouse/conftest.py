"""The command ``warehouse`` over a real server, with landed rows of a few people."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from ft42_warehouse.cli import main
from psycopg import sql
from psycopg.types.json import Jsonb

from tests.warehouse.hooked import Alerts, listening

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result

    from tests.postgres import Database
    from tests.warehouse.hooked import Hook

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
CURSUS = 21

_KEYS = {
    "census": ["stream", "cursus_id", "parent_id", "first_id"],
    "projects": ["id", "cursus_id"],
    "projects_users": ["id", "cursus_id"],
    "rejected_records": ["rejection_id"],
    "sync_runs": ["run_id"],
    "users": ["id", "cursus_id"],
}


@dataclass(frozen=True)
class Warehouse:
    """A database of its own, and the command that keeps it."""

    database: Database

    def run(self, *arguments: str, **environment: str) -> str:
        """Run the command, which must succeed, and return what it says."""
        done = self.attempt(*arguments, **environment)
        assert done.exit_code == 0, done.output
        return done.output

    def attempt(self, *arguments: str, **environment: str) -> Result:
        """Run the command, whatever comes of it."""
        return CliRunner().invoke(
            main, arguments, env={**self.database.environment, **environment}
        )

    def query(self, statement: str, *values: object) -> list[dict[str, Any]]:
        """Return the rows of a query."""
        return self.database.query(statement, *values)

    def execute(self, statement: str, *values: object) -> None:
        """Run a statement by hand."""
        self.database.execute(statement, *values)

    def keep(self, name: str) -> Kept:
        """Keep the database as it is now, for tests that begin with it."""
        self.database.keep(name)
        return Kept(self.database, name)

    def waiting(self) -> int:
        """Return how many sessions wait for a lock."""
        return len(self.query("SELECT FROM pg_locks WHERE NOT granted"))

    def published(self, table: str, column: str = "id") -> list[Any]:
        """Return a column of a published table, in order of the key."""
        statement = sql.SQL("SELECT {} AS value FROM ft42.{} ORDER BY id").format(
            sql.Identifier(column), sql.Identifier(table)
        )
        return [row["value"] for row in self.query(statement.as_string())]

    def land(self, table: str, *rows: dict[str, Any], schema: str = "ft42_raw") -> None:
        """Write rows as the loader does: those whose key is there are updated."""
        keys = _KEYS.get(table, ["id"])
        common: dict[str, Any] = {"_sdc_extracted_at": NOON, "_sdc_batched_at": NOON}
        if "cursus_id" in keys:
            common["cursus_id"] = CURSUS
        landed = [
            {
                name: Jsonb(value)
                if isinstance(value, dict | list) and not name.endswith("streams")
                else value
                for name, value in (common | row).items()
            }
            for row in rows
        ]
        connection = self.database.session()
        with connection.transaction():
            for names, alike in groupby(landed, tuple):
                statement = sql.SQL(
                    "INSERT INTO {table} ({columns}) VALUES ({values}) "
                    "ON CONFLICT ({keys}) DO UPDATE SET {changes}"
                ).format(
                    table=sql.Identifier(schema, table),
                    columns=sql.SQL(", ").join(map(sql.Identifier, names)),
                    values=sql.SQL(", ").join(sql.Placeholder() * len(names)),
                    keys=sql.SQL(", ").join(map(sql.Identifier, keys)),
                    changes=sql.SQL(", ").join(
                        sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name))
                        for name in names
                    ),
                )
                connection.cursor().executemany(
                    statement, [list(values.values()) for values in alike]
                )

    def land_run(
        self,
        run_id: str,
        *streams: str,
        age: timedelta,
        schema: str = "ft42_raw",
        **columns: object,
    ) -> None:
        """Write what a run of the tap says of itself: a complete one of a minute."""
        started = datetime.now(UTC) - age
        self.land(
            "sync_runs",
            {
                "run_id": run_id, "streams": list(streams), "started_at": started,
                "ended_at": started + timedelta(minutes=1), "outcome": "complete",
                "requests": 20, "lower_bound": 12, "refusals": 0, "retries": 0, "rows": 700,
                "rows_emitted": 700, "requests_per_hour": 1200, **columns,
            },
            schema=schema,
        )  # fmt: skip

    def land_census(  # noqa: PLR0913 - what a census says
        self,
        stream: str,
        first_id: int,
        last_id: int,
        ids: list[int] | int,
        parent_id: int = 0,
        *,
        cursus_id: int = 0,
        schema: str = "ft42_raw",
    ) -> None:
        """Write which ids a census found, or how many, counted an hour after noon."""
        self.land(
            "census",
            {
                "stream": stream,
                "cursus_id": cursus_id,
                "parent_id": parent_id,
                "first_id": first_id,
                "last_id": last_id,
                "total": ids if isinstance(ids, int) else len(ids),
                "ids": None if isinstance(ids, int) else ids,
                "counted_at": NOON.replace(hour=13),
            },
            schema=schema,
        )


def findings(warehouse: Warehouse, *options: str) -> dict[str, dict[str, Any]]:
    """Return what a monitor would see, by key; the exit code fits it."""
    done = warehouse.attempt("status", "--json", *options)
    seen = json.loads(done.output)
    broken = any(finding["severity"] == "broken" for finding in seen["findings"])
    assert done.exit_code == (1 if broken else 0)
    assert all(finding["what"] and finding["advice"] for finding in seen["findings"])
    return {finding["key"]: finding for finding in seen["findings"]}


def user(number: int, **columns: object) -> dict[str, Any]:
    """A student."""
    return {
        "id": number, "login": f"person{number}", "kind": "student", "alumni": False,
        "updated_at": NOON, **columns,
    }  # fmt: skip


def enrolment(number: int, user_id: int, **columns: object) -> dict[str, Any]:
    """A student's work on the project 7, at the campus 1."""
    return {
        "id": number, "user_id": user_id, "project_id": 7, "campus_id": 1, "cursus_id": 21,
        "updated_at": NOON, **columns,
    }  # fmt: skip


@dataclass(frozen=True)
class Kept:
    """A copy of a database, with which tests begin."""

    database: Database
    name: str

    def restored(self) -> Warehouse:
        """Bring it back."""
        self.database.restore(self.name)
        return Warehouse(self.database)


@pytest.fixture
def empty(database: Database) -> Warehouse:
    """A database that nobody has prepared."""
    database.reset()
    return Warehouse(database)


@pytest.fixture(scope="session")
def ready(database: Database) -> Kept:
    """A database that is ready, with some reference data landed."""
    database.reset()
    warehouse = Warehouse(database)
    warehouse.run("init")
    warehouse.land("cursus", {"id": 21, "name": "42cursus"})
    warehouse.land("campuses", {"id": 1, "name": "Paris"}, {"id": 9, "name": "Lyon"})
    warehouse.land("projects", {"id": 7, "name": "libft", "slug": "libft"})
    return warehouse.keep("ready")


@pytest.fixture
def warehouse(ready: Kept) -> Warehouse:
    """One that is ready, with some reference data landed."""
    return ready.restored()


LIVE = ("users", "projects_users", "achievements_users")
NIGHTLY = ("cursus", "campuses", "projects", "achievements", "blocs", "coalitions")


@pytest.fixture(scope="module")
def well(ready: Kept) -> Kept:
    """A database in which all is well: both jobs have run.

    A module's own, so that its runs are of a few minutes ago.
    """
    warehouse = ready.restored()
    warehouse.land("users", user(1), user(2), user(3))
    warehouse.land("projects_users", enrolment(10, 1), enrolment(20, 2))
    warehouse.land_run("night", *NIGHTLY, age=timedelta(hours=5))
    warehouse.land_run("quarter", *LIVE, age=timedelta(minutes=10))
    warehouse.run("publish")
    warehouse.run("check")
    return warehouse.keep("well")


@pytest.fixture
def healthy(well: Kept) -> Warehouse:
    """One in which all is well: both jobs have run, were published and checked."""
    return well.restored()


@pytest.fixture
def hook() -> Iterator[Hook]:
    with listening() as hook:
        yield hook


@pytest.fixture
def alerts(healthy: Warehouse, hook: Hook, tmp_path: Path) -> Alerts:
    """A warehouse in which all is well."""
    return Alerts(healthy, hook, tmp_path)
