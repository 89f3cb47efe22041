"""The state of the pipeline, which ``warehouse status``, the report and monitors show.

All figures come from one transaction, so they fit each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import click
from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from ft42_warehouse.database import Database
from ft42_warehouse.health import Finding, Severity, missing, shared_parts, wrong
from ft42_warehouse.schedule import Schedule
from ft42_warehouse.shards import with_shards
from ft42_warehouse.statements import Schemas

Row = dict[str, Any]


@dataclass(frozen=True)
class Overview:
    """The state of the pipeline. If the database is not prepared, it has only findings.

    The rows come from the statements in ``sql/overview``; their columns name the figures.
    """

    findings: list[Finding]
    taken_at: datetime = field(init=False, default_factory=lambda: datetime.now(UTC))
    tables: list[Row] = field(default_factory=list)
    runs: list[Row] = field(default_factory=list)
    publishes: list[Row] = field(default_factory=list)
    quota: list[Row] = field(default_factory=list)
    orphans: list[Row] = field(default_factory=list)
    rejected: list[Row] = field(default_factory=list)
    audits: list[Row] = field(default_factory=list)

    @property
    def status(self) -> str:
        """``ok``, ``warning`` or ``broken``: the worst of the findings."""
        severities = {finding.severity for finding in self.findings}
        worst = next((s for s in (Severity.BROKEN, Severity.WARNING) if s in severities), None)
        return worst or "ok"

    @property
    def is_broken(self) -> bool:
        """Whether something is stale or broken. Warnings alone do not count."""
        return self.status == Severity.BROKEN

    def as_json(self) -> dict[str, Any]:
        """Return the form of ``warehouse status --json`` and ``/health``."""
        return {
            "status": self.status,
            "taken_at": self.taken_at,
            "findings": [finding.as_json() for finding in self.findings],
            "tables": self.tables,
            "runs": self.runs,
            "last_publish": self.publishes[0] if self.publishes else None,
            "quota": self.quota[0] if self.quota else None,
            "orphans": {row["table_name"]: row["rows"] for row in self.orphans},
            "rejected": {row["stream"]: row["records"] for row in self.rejected},
            "audits": self.audits,
        }


class Inspection:
    """A read-only transaction that asks for the state of the pipeline."""

    def __init__(
        self, connection: Connection[Any], schemas: Schemas, schedule: Schedule
    ) -> None:
        """Ask through a connection of the publisher with an open transaction."""
        self._rows = connection.cursor(row_factory=dict_row)
        self._schemas = schemas
        self._parameters = {"tables": Jsonb(schedule.as_rows())}
        if found := missing(connection, schemas):
            self.overview = Overview(found)
            return
        self._parts = shared_parts(connection, schemas)
        names = ("tables", "runs", "publishes", "quota", "orphans", "rejected", "audits")
        self.overview = Overview(
            wrong(connection, schemas, schedule, self._parts),
            **{name: self.rows(f"overview/{name}") for name in names},
        )

    @property
    def is_possible(self) -> bool:
        """Whether the tables exist."""
        return bool(self.overview.tables)

    def rows(self, name: str) -> list[Row]:
        """Return the rows of a statement of ``sql/``, as dictionaries."""
        statement = self._schemas.statement(name, **self._parts)
        return self._rows.execute(statement, self._parameters).fetchall()


@contextmanager
def inspection(
    database: Database, schemas: Schemas, schedule: Schedule
) -> Iterator[Inspection]:
    """Open an inspection of a database.

    Raises:
        click.ClickException: The server cannot be reached, or refused a statement.
    """
    with database.connect() as connection, connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield Inspection(connection, with_shards(connection, schemas), schedule)


def overview(database: Database, schemas: Schemas, schedule: Schedule) -> Overview:
    """Return the state of the pipeline, also if the server cannot be reached."""
    try:
        with inspection(database, schemas, schedule) as seen:
            return seen.overview
    except click.ClickException as error:
        return Overview([unreachable(error)])


def unreachable(error: click.ClickException) -> Finding:
    """Return the finding that the database cannot be reached, with the reason."""
    return Finding(
        "unreachable", None, Severity.BROKEN,
        f"The database cannot be reached: {error.message}",
        "Solve this first: without the database, nothing else can be checked.",
    )  # fmt: skip
