"""A real PostgreSQL for the tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
from ft42_warehouse.embedded import HOST, NAME
from psycopg.rows import dict_row


@dataclass(frozen=True)
class Database:
    """A database of the embedded server, on a server whose time zone is not UTC."""

    port: int

    @property
    def environment(self) -> dict[str, str]:
        """The variables that name it to the target and to ``warehouse``."""
        return {
            "TARGET_POSTGRES_HOST": HOST,
            "TARGET_POSTGRES_PORT": str(self.port),
            "TARGET_POSTGRES_USER": NAME,
            "TARGET_POSTGRES_PASSWORD": NAME,
            "TARGET_POSTGRES_DATABASE": NAME,
        }

    def connect(self) -> psycopg.Connection[dict[str, Any]]:
        """Connect as a reader would."""
        return psycopg.connect(
            host=HOST, port=self.port, user=NAME, password=NAME, dbname=NAME,
            client_encoding="UTF8", row_factory=dict_row,
        )  # fmt: skip

    def query(self, statement: str, *values: object) -> list[dict[str, Any]]:
        """Run a statement as a reader would and return its rows."""
        with self.connect() as connection:
            return connection.execute(statement, values).fetchall()

    def execute(self, statement: str) -> None:
        """Run a statement by hand."""
        with self.connect() as connection:
            connection.execute(statement)

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Return all rows of a landed table, without the target's own columns."""
        with self.connect() as connection:
            rows = connection.execute(
                psycopg.sql.SQL("SELECT * FROM ft42_raw.{}").format(
                    psycopg.sql.Identifier(table)
                )
            ).fetchall()
        return [
            {
                name: value
                for name, value in row.items()
                if not name.startswith("_sdc_") and name != "landed_in"
            }
            for row in rows
        ]

    def reset(self) -> None:
        """Drop what the pipeline made."""
        with self.connect() as connection:
            schemas = connection.execute(
                "SELECT string_agg(quote_ident(nspname), ', ') AS names FROM pg_namespace "
                "WHERE nspname ~ '^ft42(_|$)'"
            ).fetchone()
            if schemas and schemas["names"]:
                connection.execute(f"DROP SCHEMA {schemas['names']} CASCADE")
