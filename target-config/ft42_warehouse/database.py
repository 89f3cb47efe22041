"""Connects to the database, and explains its errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import click
import psycopg

from ft42_warehouse.loader_log import without_values
from ft42_warehouse.session import Cursor, Session
from ft42_warehouse.shown import duration
from ft42_warehouse.waiting import Watch

_DEFAULTS = {
    "connect_timeout": 10,
    # If the server or the network vanishes silently, that is noticed after a minute.
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}

_ADVICE = {
    (
        "42501",
    ): "Run `warehouse init` with an account that owns the database, or grant this one "
    "the publisher's role.",
    ("42P01", "42703", "42883", "3F000"): "Run `warehouse init` first.",
    ("57014",): "Somebody, or a limit of the server, cancelled the statement. Run it again.",
    ("57P",): "The server ended the session, or is starting or stopping. Run it again.",
    ("25P0",): "The server limits how long a transaction may last. Raise this limit, and run "
    "it again.",
    ("25006",): "The server is read-only, like a standby. Name the primary.",
    ("40",): "Others changed the same rows at the same time. Run it again.",
    ("53",): "The server has no room left: check its disk, memory and connections.",
    ("58",): "The server has trouble with its files: see its log.",
    ("08", "28", "3D"): "Check the server and TARGET_POSTGRES_HOST, _PORT, _USER, _PASSWORD, "
    "_DATABASE.",
}
"""What to do, by the SQLSTATE of an error or its first characters."""


@dataclass(frozen=True)
class Database:
    """A database, and an account."""

    parameters: Mapping[str, Any]
    """Parameters of libpq."""
    certificates: Mapping[str, str] = field(default_factory=dict)
    """By further parameters of libpq: the texts of the files that they name."""
    purpose: str = ""
    """The purpose of the connection; other sessions see it in the server."""
    wait_seconds: float = 600
    """How long to wait for locks of others."""

    @property
    def name(self) -> str:
        """Name of the database."""
        return str(self.parameters.get("dbname", ""))

    @property
    def address(self) -> str:
        """Host, port and name of the database."""
        host, port = (self.parameters.get(part, "") for part in ("host", "port"))
        return f"{host}:{port}/{self.name}"

    @contextmanager
    def connect(self) -> Iterator[Session]:
        """Connect; each statement outside of a transaction has its own one.

        If a statement has to wait for others, a message says for whom.

        Raises:
            click.ClickException: The server refused the connection or a statement, or others
                held a lock for too long.
        """
        with TemporaryDirectory(prefix="ft42-warehouse-") as folder:
            parameters = {**_DEFAULTS, **self.parameters, **self._written(Path(folder))}

            def beside() -> psycopg.Connection[Any]:
                return psycopg.connect(**parameters, application_name="ft42-warehouse watch")

            name = f"ft42-warehouse {self.purpose} {uuid4().hex[:8]}"
            watch = None
            try:
                with Session.connect(
                    **parameters | {"client_encoding": "UTF8", "application_name": name},
                    autocommit=True,
                    cursor_factory=Cursor,
                ) as session:
                    session.prepare(name, self.wait_seconds)
                    with Watch(session, beside) as watch:
                        yield session
            except psycopg.Error as error:
                words = without_values(error).rstrip(".?")
                message = f"{words}. {_advice(error)}".rstrip()
                if watch and (
                    watch.has_hung_up or isinstance(error, psycopg.errors.LockNotAvailable)
                ):
                    message = (
                        f"Gave up after {duration(self.wait_seconds)}: {watch.said or words}. "
                        "Nothing has changed. Run it again when that is over."
                    )
                raise click.ClickException(message) from None

    def _written(self, folder: Path) -> dict[str, str]:
        """Write certificates and keys to files, as libpq can only read files."""
        paths = {}
        for parameter, text in self.certificates.items():
            path = folder / parameter
            path.touch(mode=0o600)
            path.write_text(text, encoding="utf-8")
            paths[parameter] = str(path)
        return paths


def _advice(error: psycopg.Error) -> str:
    if isinstance(error, psycopg.IntegrityError):
        place = f"{error.diag.schema_name}.{error.diag.table_name}"
        refusing = error.diag.constraint_name or error.diag.column_name
        return (
            f"If {refusing} of {place} was made by hand, drop it; a foreign key may stay if "
            "it has ON DELETE CASCADE or SET NULL."
        )
    # Without an answer of the server, there is no state.
    state = error.sqlstate or ("08" if isinstance(error, psycopg.OperationalError) else "")
    return next((advice for states, advice in _ADVICE.items() if state.startswith(states)), "")
