"""What exists in the database, and what of it must be made or renewed.

Statements that change nothing are not sent: even ``IF NOT EXISTS`` and ``OR REPLACE``
wait for, and hold up, all who use a table.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

from psycopg import sql

if TYPE_CHECKING:
    from psycopg import Connection

    from ft42_warehouse.statements import Schemas


_KINDS = ("table", "index", "view", "materialized view", "foreign table", "sequence", "type")
"""What shares one space of names in a schema."""

FIRST_REMEMBERED = ("publishes", "erasures", "objects")
"""The first tables of the schema of what must be remembered."""

REMEMBERED = (
    "checks", "refusals", "turns", "alerts", "erasure_salt", "erased_strings", "waiting",
)  # fmt: skip
"""Those that came by and by."""


class TakenNameError(Exception):
    """A name that is needed, and that something of somebody else's has."""


class Objects:
    """The functions, triggers, indexes, constraints and views of the schemas."""

    def __init__(self, connection: Connection[Any], schemas: Schemas) -> None:
        """Look what there is, and in which version."""
        self._connection = connection
        self._schemas = schemas
        self.notes: list[str] = []
        """What could not be made or renewed, and what to do."""
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
        """Say whether there is such an object, as ``sql/init/existing.sql`` names it."""
        return name in self._existing

    def keep(self, name: str, statement: sql.Composed) -> bool:
        """Run the statement that makes an object, unless just that was done before.

        Args:
            name: ``kind schema.table.name``, as ``sql/init/existing.sql`` names it.
            statement: What makes it, or replaces it.

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
        """Note in which version something is in place."""
        if self._digests.get(name) != digest:
            self._connection.execute(
                sql.SQL(
                    "INSERT INTO {}.objects VALUES (%s, %s) "
                    "ON CONFLICT (name) DO UPDATE SET digest = excluded.digest"
                ).format(sql.Identifier(self._schemas.warehouse)),
                (name, digest),
            )

    def make(self, name: str, statement: sql.Composed) -> bool:
        """Run the statement that makes an object, if there is none of the name."""
        if name in self._existing:
            return False
        self.refuse_taken(name)
        self._connection.execute(statement)
        self._existing.add(name)
        return True

    def refuse_taken(self, name: str) -> None:
        """Refuse to make an object where one of another kind has the name.

        Raises:
            TakenNameError: There is one.
        """
        needed, _, path = name.partition(" ")
        if needed in _KINDS:
            for kind in _KINDS:
                if kind != needed and f"{kind} {path}" in self._existing:
                    message = (
                        f"{path} is a {kind} of somebody else's, where a {needed} of this name "
                        "must be. Rename it, or choose other schemas with "
                        "WAREHOUSE_LANDING_SCHEMA and WAREHOUSE_PUBLISHED_SCHEMA"
                    )
                    raise TakenNameError(message)
