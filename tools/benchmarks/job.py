"""One load by one tool: from which API, into which tables, with which files."""

from __future__ import annotations

import os
import socket
from abc import ABC, abstractmethod
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from ft42_warehouse.embedded import HOST, NAME, EmbeddedPostgres
from ft42_warehouse.init import create_all
from ft42_warehouse.statements import Schemas
from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ft42_sandbox.testing import RunningSandbox

    from tools.benchmarks.measure import Command

ROOT = Path(__file__).resolve().parents[2]
STREAMS = (
    "cursus", "projects", "achievements", "users", "campuses", "projects_users",
    "blocs", "coalitions", "coalitions_users", "achievements_users",
)  # fmt: skip
"""The streams that the tap reads by default, and the names of the tables."""


def _schemas(landing: str) -> Schemas:
    return Schemas(landing, f"{landing}_published")


@dataclass(frozen=True)
class Warehouse:
    """A PostgreSQL in which each load has a schema of its own."""

    port: int
    psql: Path

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which psql and libpq find it."""
        return {
            "PGHOST": HOST,
            "PGPORT": str(self.port),
            "PGUSER": NAME,
            "PGPASSWORD": NAME,
            "PGDATABASE": NAME,
        }

    def connect(self) -> psycopg.Connection[Any]:
        """Connect as the loads do."""
        return psycopg.connect(host=HOST, port=self.port, user=NAME, password=NAME, dbname=NAME)

    def drop(self, schema_name: str) -> None:
        """Remove what a load has left."""
        with self.connect() as connection:
            connection.execute(
                sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(
                    sql.SQL(", ").join(map(sql.Identifier, _schemas(schema_name).names))
                )
            )

    def create_tables(self, schema_name: str) -> None:
        """Create the tables of the project, empty."""
        with self.connect() as connection:
            create_all(connection, _schemas(schema_name))

    def ids(self, schema_name: str, table: str) -> set[int]:
        """Return the ids in a table; none if there is no such table."""
        with self.connect() as connection:
            try:
                return {
                    row_id
                    for (row_id,) in connection.execute(
                        sql.SQL("SELECT id FROM {}").format(sql.Identifier(schema_name, table))
                    )
                }
            except psycopg.errors.UndefinedTable:
                return set()

    def rows(self, schema_name: str) -> int:
        """Count the rows in all tables of the streams."""
        return sum(len(self.ids(schema_name, table)) for table in STREAMS)


@contextmanager
def running_warehouse(
    directory: Path, settings: Mapping[str, str] | None = None
) -> Iterator[Warehouse]:
    """Start an embedded PostgreSQL on a free port and stop it afterwards.

    Args:
        directory: Where its data lie.
        settings: What differs from PostgreSQL's own, by name, as in ``postgresql.conf``.
    """
    postgres = EmbeddedPostgres(directory)
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    postgres.start(port)
    if settings:
        postgres.stop()
        with (directory / "postgresql.conf").open("a") as configuration:
            configuration.writelines(
                f"{name} = '{value}'\n" for name, value in settings.items()
            )
        postgres.start(port)
    try:
        psql = next(
            Path(word) for word in postgres.psql_line(port).split() if word.endswith("/psql")
        )
        yield Warehouse(port, psql)
    finally:
        postgres.stop()


@dataclass(frozen=True)
class Job:
    """One load.

    Attributes:
        api: where it reads.
        warehouse: where it writes.
        schema_name: the schema with its tables.
        directory: where its files lie; its own, and kept when it starts again.
        per_second: requests a second that it may send; 0 for no limit.
        streams: what it reads.
    """

    api: RunningSandbox
    warehouse: Warehouse
    schema_name: str
    directory: Path
    per_second: int = 0
    streams: tuple[str, ...] = STREAMS

    @property
    def environment(self) -> dict[str, str]:
        """What every tool finds in its environment: the API, the database, its own files."""
        kept = {name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ}
        return {
            **kept,
            **self.warehouse.environment,
            "PYTHONPATH": str(ROOT),
            "XDG_CACHE_HOME": str(self.directory / "cache"),
            "XDG_STATE_HOME": str(self.directory / "xdg-state"),
            "BENCH_API_URL": self.api.url,
            "BENCH_CLIENT_ID": self.api.client_id,
            "BENCH_CLIENT_SECRET": self.api.client_secret,
            "BENCH_PER_SECOND": str(self.per_second),
            "BENCH_SCHEMA": self.schema_name,
            "BENCH_STREAMS": " ".join(self.streams),
        }


class Tool(ABC):
    """Something that loads the API into PostgreSQL.

    Attributes:
        name: its name in the tables.
        idea: how it is used here, in a sentence.
    """

    name: str
    idea: str

    @abstractmethod
    def missing(self) -> str | None:
        """Say what the machine lacks for it, if anything."""

    @abstractmethod
    def prepare(self, job: Job) -> Command:
        """Write its files, and create its tables if it expects them.

        Returns:
            What loads, and when run again goes on as the tool goes on.
        """
