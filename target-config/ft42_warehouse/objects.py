"""Finds out which objects exist in the database, and makes or replaces the others.

Statements that change nothing are not sent: even ``IF NOT EXISTS`` and ``OR REPLACE`` wait for
all users of a table, and block them.
"""

from __future__ import annotations

from collections.abc import Collection
from hashlib import sha256
from typing import Any

from psycopg import Connection, sql

from ft42_warehouse.statements import Schemas

_KINDS = ("table", "index", "view", "materialized view", "foreign table", "sequence", "type")
"""Kinds of objects that share their names in a schema."""

FIRST_REMEMBERED = ("publishes", "erasures", "objects")
"""The warehouse's own tables that exist since the first version."""

REMEMBERED = (
    "checks", "refusals", "turns", "alerts", "erasure_salt", "erased_strings", "waiting",
)  # fmt: skip
"""The warehouse's own tables that later versions added."""


class TakenNameError(Exception):
    """An object of somebody else has a name that is needed."""


def have_all(connection: Connection[Any], schemas: Schemas, names: Collection[str]) -> bool:
    """Tell whether the warehouse has all of these tables of its own."""
    found = connection.execute(
        "SELECT FROM pg_tables WHERE schemaname = %s AND tablename = ANY (%s)",
        (schemas.warehouse, list(names)),
    )
    return found.rowcount == len(names)


class Objects:
    """The functions, triggers, indexes, constraints and views of the schemas."""

    def __init__(self, connection: Connection[Any], schemas: Schemas) -> None:
        """Look up which objects exist, and in which version."""
        self._connection = connection
        self._schemas = schemas
        self.notes: list[str] = []
        """What could not be made or replaced, and what to do."""
        self._existing = {
            name
            for (name,) in connection.execute(
                schemas.statement("init/existing"), {"schemas": schemas.names}
            )
        }
        self._digests = dict(
            connection.execute(
                sql.SQL("SELECT name, digest FROM {}.objects").format(
                    sql.Identifier(schemas.warehouse)
                )
            ).fetchall()
        )

    def exists(self, name: str) -> bool:
        """Tell whether an object exists, by its name in ``sql/init/existing.sql``."""
        return name in self._existing

    def keep(self, name: str, statement: sql.Composed) -> bool:
        """Run the statement that makes an object, unless the same statement made it before.

        Args:
            name: ``kind schema.table.name``, its name in ``sql/init/existing.sql``.
            statement: The statement that makes or replaces it.

        Returns:
            Whether it was run.
        """
        digest = sha256(statement.as_string(self._connection).encode()).hexdigest()
        if self._digests.get(name) == digest and name in self._existing:
            return False
        self.refuse_taken(name)
        self._connection.execute(statement)
        self.note(name, digest)
        return True

    def note(self, name: str, digest: str) -> None:
        """Note the version of an object."""
        if self._digests.get(name) != digest:
            self._connection.execute(
                sql.SQL(
                    "INSERT INTO {}.objects VALUES (%s, %s) "
                    "ON CONFLICT (name) DO UPDATE SET digest = excluded.digest"
                ).format(sql.Identifier(self._schemas.warehouse)),
                (name, digest),
            )

    def make(self, name: str, statement: sql.Composed) -> bool:
        """Run the statement that makes an object, if none of this name exists."""
        if name in self._existing:
            return False
        self.refuse_taken(name)
        self._connection.execute(statement)
        self._existing.add(name)
        return True

    def refuse_taken(self, name: str) -> None:
        """Refuse to make an object if one of another kind has its name.

        Raises:
            TakenNameError: The name is taken.
        """
        needed, _, path = name.partition(" ")
        if needed in _KINDS:
            for kind in _KINDS:
                if kind != needed and f"{kind} {path}" in self._existing:
                    message = (
                        f"{path} is a {kind} of somebody else, but a {needed} of this name is "
                        "needed. Rename it, or choose other schemas with "
                        "WAREHOUSE_LANDING_SCHEMA and WAREHOUSE_PUBLISHED_SCHEMA"
                    )
                    raise TakenNameError(message)
