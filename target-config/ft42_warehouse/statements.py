"""The SQL of this package; it lies in files that a DBA can read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import LiteralString

from psycopg import sql

from ft42_warehouse.tables import PERSONS, Column, Part, Table, parent_tables

_ALL = sql.SQL("")


@cache
def text_of(name: str) -> LiteralString:
    """Return the text of a statement of ``sql/``."""
    return (files("ft42_warehouse") / "sql" / f"{name}.sql").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Schemas:
    """Names of the schemas of one pipeline."""

    landing: str = "ft42_raw"
    published: str = "ft42"
    shards: tuple[str, ...] = ()
    """Further landing schemas, of loads that must not touch each other's rows."""
    keep_strangers: bool = False
    """Whether all data of teams, and of people outside of the scope, are kept."""

    @property
    def warehouse(self) -> str:
        """The schema of the warehouse's own tables."""
        return f"{self.published}_warehouse"

    @property
    def whole(self) -> str:
        """The schema that shows the rows of all landing schemas, if there are several.

        Its tables are empty, and the landed tables inherit from them. A loader must not write
        here: a write would change the rows of all landed tables.
        """
        return f"{self.landing}_all"

    @property
    def landed(self) -> str:
        """The schema from which landed rows are read."""
        return self.whole if self.shards else self.landing

    @property
    def names(self) -> list[str]:
        """The names of all schemas."""
        whole = [self.whole] if self.shards else []
        return [*whole, *self.landings, self.published, self.warehouse]

    @property
    def landings(self) -> tuple[str, ...]:
        """The schemas that loaders write."""
        return (self.landing, *self.shards)

    def each_landing(self) -> Iterator[Schemas]:
        """Yield the schemas once for each landing schema, as if it were the only one."""
        for name in self.landings:
            yield replace(self, landing=name, shards=())

    def has_copies(self, table: Table) -> bool:
        """Tell whether several landed rows can be copies of one published row."""
        return bool(self.shards) or table.copy_key != table.key

    def statement(self, name: str, **parts: sql.Composable) -> sql.Composed:
        """Return a statement of ``sql/``.

        Args:
            name: Name of the file, without ``.sql``.
            parts: Values of its ``{placeholders}``, besides the schemas.
        """
        return sql.SQL(text_of(name)).format(
            landing=sql.Identifier(self.landed),
            published=sql.Identifier(self.published),
            warehouse=sql.Identifier(self.warehouse),
            **parts,
        )

    def of_table(self, name: str, table: Table, **parts: sql.Composable) -> sql.Composed:
        """Return a statement about one published table and its landed rows.

        In it, ``p`` is the published table, ``l`` a landed row, and ``c`` the chosen one of
        several landed copies.
        """
        return self.statement(name, **self._parts_of(table), **parts)

    def moving(
        self, name: str, table: Table, moved: str, **parts: sql.Composable
    ) -> sql.Composed:
        """Return a statement that moves published rows ``p``.

        If others refer to the table, it notes in the temporary table `moved` which rows.
        """
        statement = self.of_table(name, table, **parts)
        if table.name not in parent_tables():
            return statement
        return sql.SQL(
            "WITH moved AS ({} RETURNING p.id) INSERT INTO {} SELECT {}, id FROM moved"
        ).format(statement, sql.Identifier(moved), sql.Literal(table.name))

    def of_part(
        self, name: str, table: Table, part: Part, **others: sql.Composable
    ) -> sql.Composed:
        """Return a statement about the table of a list's items.

        In it, ``r`` is the row that holds the list, ``p`` a row of the items' table, and ``s``
        an item of the list.
        """
        columns = [column.name for column in part.columns]
        types = {column.name: column.type for column in part.columns}
        values = (
            _field(value[2:], types[name])
            if value.startswith("*/")
            else sql.Identifier("r", value)
            for name, value in part.values
        )
        return self.statement(
            name,
            table=sql.Identifier(self.published, table.name),
            part=sql.Identifier(self.published, part.name),
            source=sql.Identifier(part.source),
            part_of=sql.Identifier(part.parent),
            key=_listed(part.key),
            said_key=_listed(part.key, "s"),
            columns=_listed(columns),
            item_values=sql.SQL(", ").join(values),
            key_given=_all_of(
                sql.SQL("s.{} IS NOT NULL").format(sql.Identifier(key)) for key in part.key
            ),
            same_row=_all_of(
                sql.SQL("p.{0} = s.{0}").format(sql.Identifier(key)) for key in part.key
            ),
            old_values=_listed(columns, "p"),
            said_values=_listed(columns, "s"),
            new_values=_listed(columns, "excluded"),
            **others,
        )

    @cache  # noqa: B019 - a process has few schemas, and equal ones share their entry
    def _parts_of(self, table: Table) -> dict[str, sql.Composable]:
        """Return the values of the placeholders of statements about a table."""
        columns = [column.name for column in table.landed]
        landed = sql.Identifier(self.landed, table.name)
        has_copies = self.has_copies(table)
        is_copy = self._is_copy(table)
        chosen = sql.SQL("WHERE ({}) IN (SELECT {} FROM candidate)").format(
            _listed(table.key, "l"), _listed(table.key)
        )
        return {
            "table": sql.Identifier(self.published, table.name),
            "table_name": sql.Literal(table.name),
            "landed": landed,
            "each_landed": sql.SQL(", ").join(
                sql.Identifier(one.landing, table.name) for one in self.each_landing()
            ),
            "rows": sql.SQL("({}) AS c JOIN {} AS l ON {}").format(
                self.copies(table), landed, is_copy
            )
            if has_copies
            else sql.SQL("{} AS l").format(landed),
            "landed_in": sql.Identifier("c" if has_copies else "l", "landed_in"),
            "chosen": self.copies(table, chosen),
            "is_copy": is_copy,
            "counted": sql.SQL("DISTINCT ({})").format(_listed(table.key, "l"))
            if has_copies
            else sql.SQL("*"),
            "key": _listed(table.key),
            "key_array": sql.SQL("ARRAY[{}]::bigint[]").format(_listed(table.key, "l")),
            "row": _listed(table.key, "l"),
            "copy_key": _listed(table.copy_key, "l"),
            "same_row": _all_of(equals(column) for column in table.key),
            "key_given": _all_of(
                sql.SQL("p.{} IS NOT NULL").format(sql.Identifier(column))
                for column in table.key
            ),
            "columns": _listed(columns),
            "assignments": sql.SQL(", ").join(
                sql.SQL("{} = {}").format(
                    sql.Identifier(column.name), self._value(table, column)
                )
                for column in table.landed
            ),
            "published_values": _listed(columns, "p"),
            "landed_values": sql.SQL(", ").join(
                self._value(table, column) for column in table.landed
            ),
            "eligible": self._eligible(table),
            "same_list": _within(parent_id=table.partition, cursus_id=table.cursus),
            "same_cursus": _within(cursus_id=table.cursus),
        }

    def is_published_copy(self, table: Table, column: Column) -> sql.Composed:
        """Return the condition that ``l`` is the copy whose value of a column is published."""
        if not self.has_copies(table):
            return sql.SQL("{}").format(sql.SQL("true"))
        weights = [
            sql.SQL(", ").join(
                [
                    *(
                        [sql.SQL("coalesce({}, 0)").format(sql.Identifier(alias, column.name))]
                        if column.merged
                        else []
                    ),
                    *_ages(table, alias),
                ]
            )
            for alias in ("b", "l")
        ]
        return sql.SQL("NOT EXISTS (SELECT FROM {} AS b WHERE {} AND ({}) > ({}))").format(
            sql.Identifier(self.landed, table.name),
            _all_of(equals(key, "b") for key in table.key),
            *weights,
        )

    def copies(self, table: Table, where: sql.Composable = _ALL) -> sql.Composed:
        """Return the query that chooses the landed copy from which each row is published."""
        key = _listed(table.key, "l")
        columns = [
            _listed(table.copy_key, "l"),
            sql.SQL("l.tableoid AS landed_table"),
            sql.SQL("max(l.landed_in) OVER (PARTITION BY {}) AS landed_in").format(key),
            *[
                sql.SQL("{} AS {}").format(
                    sql.SQL(column.merged).format(warehouse=sql.Identifier(self.warehouse)),
                    sql.Identifier(f"merged_{column.name}"),
                )
                for column in table.landed
                if column.merged
            ],
        ]
        return self.statement(
            "publish/copies",
            row=key,
            columns=sql.SQL(", ").join(columns),
            landed=sql.Identifier(self.landed, table.name),
            where=where,
            newest_first=sql.SQL(", ").join(
                sql.SQL("{} DESC").format(age) for age in _ages(table, "l")
            ),
        )

    def _is_copy(self, table: Table) -> sql.Composed:
        """Return the condition that a landed row ``l`` is the copy that ``c`` chose."""
        conditions = [equals(column, "c") for column in table.copy_key]
        if self.shards:
            conditions.append(sql.SQL("l.tableoid = {}").format(sql.SQL("c.landed_table")))
        return _all_of(conditions)

    def _eligible(self, table: Table) -> sql.Composed:
        """Return the condition to publish a landed row: its parents are, and it is in scope."""
        conditions: list[sql.Composable] = [sql.SQL(table.scope)] if table.scope else []
        for column in table.references:
            value = self._value(table, column)
            parent = sql.SQL("EXISTS (SELECT FROM {} AS r WHERE r.id = {})").format(
                sql.Identifier(self.published, str(column.references)), value
            )
            if column.nullable:
                parent = sql.SQL("({} IS NULL OR {})").format(value, parent)
            conditions.append(parent)
        return _all_of(conditions or [sql.SQL("true")])

    def _value(self, table: Table, column: Column) -> sql.Composable:
        """Return the value that is published of a landed column."""
        if column.merged:
            return sql.Identifier("c", f"merged_{column.name}")
        value = sql.Identifier("l", column.name)
        if column.name not in table.looked_up:
            return value
        # It was removed if the person was outside of the scope when the row landed.
        original, person = table.looked_up[column.name]
        return sql.SQL("coalesce({}, (SELECT r.{} FROM {} AS r WHERE r.id = l.{}))").format(
            value,
            sql.Identifier(original),
            sql.Identifier(self.published, PERSONS),
            sql.Identifier(person),
        )


def _field(name: str, kind: str) -> sql.Composable:
    """Return the field of an object in a list; NULL if it has another type."""
    field = sql.Literal(name)
    if kind == "text":
        return sql.SQL("item ->> {}").format(field)
    return sql.SQL(
        "CASE jsonb_typeof(item -> {}) WHEN 'number' THEN (item ->> {})::numeric END::{}"
    ).format(field, field, sql.SQL(kind))


def equals(column: str, alias: str = "p") -> sql.Composed:
    """Return the condition that a column is equal in a landed and another row."""
    return sql.SQL("{} = {}").format(sql.Identifier(alias, column), sql.Identifier("l", column))


def _ages(table: Table, alias: str) -> list[sql.Composable]:
    """Return what decides which of two copies is newer; the last ones only break ties."""
    return [
        *[
            sql.SQL("coalesce({}, '-infinity')").format(sql.Identifier(alias, column))
            for column in table.ages
        ],
        *[sql.Identifier(alias, column) for column in (*table.copy_key, "tableoid")],
    ]


def _within(**limits: str | None) -> sql.Composed:
    """Return the condition that a census ``c`` has counted the list of a landed row.

    Args:
        limits: By column of the census, the column of the landed row. In a census, 0 means
            no limit.
    """
    return _all_of(
        [
            sql.SQL("{} IN (0, {})").format(
                sql.Identifier("c", limit), sql.Identifier("l", column)
            )
            for limit, column in limits.items()
            if column
        ]
        or [sql.SQL("true")]
    )


def _all_of(conditions: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL(" AND ").join(conditions)


def _listed(columns: Iterable[str], alias: str | None = None) -> sql.Composed:
    names = [(alias, column) if alias else (column,) for column in columns]
    return sql.SQL(", ").join(sql.Identifier(*name) for name in names)
