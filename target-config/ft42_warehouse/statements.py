"""The SQL of this package, which lies in files that a DBA can read."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ft42_warehouse.tables import Table


@dataclass(frozen=True)
class Schemas:
    """Names of the three schemas of one pipeline."""

    landing: str = "ft42_raw"
    published: str = "ft42"

    @property
    def warehouse(self) -> str:
        """The schema of what must be remembered."""
        return f"{self.published}_warehouse"

    @property
    def names(self) -> list[str]:
        """All three."""
        return [self.landing, self.published, self.warehouse]

    def statement(self, name: str, **parts: sql.Composable) -> sql.Composed:
        """Return a statement of ``sql/``.

        Args:
            name: Name of the file, without ``.sql``.
            parts: What stands for its ``{placeholders}``, besides the schemas.
        """
        text = (files("ft42_warehouse") / "sql" / f"{name}.sql").read_text(encoding="utf-8")
        return sql.SQL(text).format(
            landing=sql.Identifier(self.landing),
            published=sql.Identifier(self.published),
            warehouse=sql.Identifier(self.warehouse),
            **parts,
        )

    def of_table(self, name: str, table: Table, **parts: sql.Composable) -> sql.Composed:
        """Return a statement about one published table and its landed rows.

        There ``p`` is the published table, ``l`` the landed one.
        """
        columns = [column.name for column in table.landed]
        return self.statement(
            name,
            table=sql.Identifier(self.published, table.name),
            table_name=sql.Literal(table.name),
            landed=sql.Identifier(self.landing, table.name),
            key=_listed(table.key),
            same_row=_all_of(equals(column) for column in table.key),
            key_given=_all_of(
                sql.SQL("p.{} IS NOT NULL").format(sql.Identifier(column))
                for column in table.key
            ),
            columns=_listed(columns),
            assignments=sql.SQL(", ").join(
                sql.SQL("{} = l.{}").format(*[sql.Identifier(column)] * 2) for column in columns
            ),
            published_values=_listed(columns, "p"),
            landed_values=_listed(columns, "l"),
            eligible=self._eligible(table),
            same_parent=_same_parent(table),
            **parts,
        )

    def _eligible(self, table: Table) -> sql.Composed:
        """Say when a landed row is published: its parents are, and it is in the scope."""
        conditions: list[sql.Composable] = [sql.SQL(table.scope)] if table.scope else []
        for column in table.references:
            parent = sql.SQL("EXISTS (SELECT FROM {} AS r WHERE r.id = l.{})").format(
                sql.Identifier(self.published, str(column.references)),
                sql.Identifier(column.name),
            )
            if column.nullable:
                parent = sql.SQL("(l.{} IS NULL OR {})").format(
                    sql.Identifier(column.name), parent
                )
            conditions.append(parent)
        return _all_of(conditions or [sql.SQL("true")])


def equals(column: str) -> sql.Composed:
    """Say that a column is equal in the published and the landed row."""
    return sql.SQL("p.{} = l.{}").format(*[sql.Identifier(column)] * 2)


def _same_parent(table: Table) -> sql.Composable:
    """Say that a landed row is of the parent that a census ``c`` was limited to."""
    if table.partition is None:
        return sql.SQL("true")
    return sql.SQL("c.parent_id IN (0, l.{})").format(sql.Identifier(table.partition))


def _all_of(conditions: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL(" AND ").join(conditions)


def _listed(columns: Iterable[str], alias: str | None = None) -> sql.Composed:
    names = [(alias, column) if alias else (column,) for column in columns]
    return sql.SQL(", ").join(sql.Identifier(*name) for name in names)
