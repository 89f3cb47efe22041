"""The columns that can hold text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg import Connection, sql

from ft42_warehouse.statements import Schemas
from ft42_warehouse.tables import TEXT, tables_by_name

_WHOLE = {"login", "mail", "name", "phone"}
"""Kinds of columns with a name. A part of it may be the name of somebody else."""


@dataclass(frozen=True)
class TextColumn:
    """A column that can hold text."""

    schema: str
    table: str
    name: str
    type: str
    is_key: bool

    @property
    def identifier(self) -> sql.Identifier:
        """Its name."""
        return sql.Identifier(self.name)

    @property
    def table_identifier(self) -> sql.Identifier:
        """The name of its table."""
        return sql.Identifier(self.schema, self.table)

    @property
    def is_structured(self) -> bool:
        """Whether it holds JSON, or a list."""
        return self.type.startswith("json") or self.type.endswith("[]")

    @property
    def says_who(self) -> bool:
        """Whether it names the row's own person."""
        table = tables_by_name().get(self.table)
        return bool(table and table.naming.get(self.name, TEXT) in _WHOLE)

    @property
    def lands_without_text(self) -> bool:
        """Whether a trigger reduces its values to declared fields, without texts."""
        table = tables_by_name().get(self.table)
        return bool(table and self.name in table.naming_lists)


def text_columns(connection: Connection[Any], schemas: Schemas) -> list[TextColumn]:
    """Return the columns that can hold text, of all tables of all schemas, in order."""
    rows = connection.execute(
        schemas.statement("erase/text_columns"),
        {"schemas": schemas.names, "warehouse": schemas.warehouse},
    )
    return [TextColumn(*row) for row in rows]
