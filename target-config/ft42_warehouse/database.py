"""How to reach the database."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click
import psycopg
from psycopg import ClientCursor

from ft42_warehouse.loader_log import without_values

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Database:
    """A database and an account; the password comes from the environment."""

    host: str
    port: int
    user: str
    database: str
    publisher: str | None = None
    """Account to use instead of ``user``, with a password of its own."""
    ssl_mode: str | None = None
    ssl_root_certificate: str | None = None

    @contextmanager
    def connect(self) -> Iterator[psycopg.Connection[Any]]:
        """Connect, in autocommit mode.

        Raises:
            click.ClickException: The server refused something, now or later.
        """
        names = (
            ["WAREHOUSE_PUBLISHER_PASSWORD"]
            if self.publisher
            else ["TARGET_POSTGRES_PASSWORD", "WAREHOUSE_PASSWORD"]
        )
        passwords = [os.environ[name] for name in names if os.environ.get(name)]
        try:
            with psycopg.connect(
                host=self.host,
                port=self.port,
                user=self.publisher or self.user,
                dbname=self.database,
                password=passwords[0] if passwords else None,
                sslmode=self.ssl_mode,
                sslrootcert=self.ssl_root_certificate,
                application_name="ft42-warehouse",
                connect_timeout=10,
                client_encoding="UTF8",
                options="-c timezone=UTC",
                autocommit=True,
                # Values are bound here: the server binds none in CREATE TABLE … AS.
                cursor_factory=ClientCursor,
            ) as connection:
                yield connection
        except psycopg.Error as error:
            message = without_values(error).rstrip(".")
            raise click.ClickException(f"{message}. {_advice(error)}".rstrip()) from None


def _advice(error: psycopg.Error) -> str:
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return (
            "Run `warehouse init` with an account that owns the database, or grant this "
            "one the publisher's role."
        )
    if isinstance(
        error,
        psycopg.errors.UndefinedTable
        | psycopg.errors.UndefinedColumn
        | psycopg.errors.UndefinedFunction
        | psycopg.errors.InvalidSchemaName,
    ):
        return "Run `warehouse init` first."
    if isinstance(error, psycopg.IntegrityError):
        place = f"{error.diag.schema_name}.{error.diag.table_name}"
        refusing = error.diag.constraint_name or error.diag.column_name
        return (
            f"If {refusing} of {place} was made by hand, drop it; a foreign key may stay if "
            "it has ON DELETE CASCADE or SET NULL."
        )
    if isinstance(error, psycopg.OperationalError):
        return "Check the server and TARGET_POSTGRES_HOST, _PORT, _USER, _PASSWORD, _DATABASE."
    return ""
