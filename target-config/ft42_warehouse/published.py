"""The published schema: the tables that people query, with keys that always hold."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from psycopg import sql

from ft42_warehouse.landing import comment_on
from ft42_warehouse.tables import SEARCHED, Column, Table, published_tables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ft42_warehouse.objects import Objects
    from ft42_warehouse.statements import Schemas

_KEPT = (
    Column("first_seen_at", "timestamptz", "When the row was first published.", None, False),
    Column("last_changed_at", "timestamptz", "When it last changed here.", None, False),
)


def structure() -> str:
    """Return what the published tables look like, as a digest."""
    return sha256(repr(published_tables()).encode()).hexdigest()[:16]


def required_objects(schemas: Schemas) -> list[str]:
    """Return the names of all that must exist, as ``sql/existing.sql`` gives them."""
    return [
        name
        for table in published_tables()
        for made in (_tables_and_columns, _keys_and_indexes)
        for name, _ in made(schemas, table)
    ] + [f"view {schemas.published}.{view}" for view in ("orphan_rows", "orphans")]


def create_published(objects: Objects, schemas: Schemas) -> bool:
    """Create the published tables and what they lack.

    Args:
        objects: What there is; a transaction is open.
        schemas: Names of the schemas.

    Returns:
        Whether a table or a column was made that the next publish must fill.

    Raises:
        psycopg.Error: The server refused a statement.
    """
    to_fill = False
    for table in published_tables():
        for name, statement in _tables_and_columns(schemas, table):
            to_fill |= objects.make(name, statement)
    for table in published_tables():
        for name, statement in _keys_and_indexes(schemas, table):
            objects.make(name, statement)
        comment_on(
            objects,
            schemas.published,
            table.name,
            table.description,
            {column.name: column.description for column in (*table.columns, *_KEPT)},
        )
    orphans = sql.SQL("\nUNION ALL\n").join(
        schemas.statement(
            "orphans_of",
            table=sql.Identifier(schemas.landing, table.name),
            table_name=sql.Literal(table.name),
            column=sql.Identifier(column.name),
            column_name=sql.Literal(column.name),
            parent=sql.Identifier(schemas.published, str(column.references)),
            parent_name=sql.Literal(column.references),
            row_id=sql.SQL(" || ',' || ").join(
                sql.SQL("l.{}").format(sql.Identifier(key)) for key in table.key
            ),
        )
        for table in published_tables()
        for column in table.references
    )
    objects.keep(
        f"view {schemas.published}.orphans", schemas.statement("orphans", orphans=orphans)
    )
    return to_fill


def _tables_and_columns(schemas: Schemas, table: Table) -> Iterator[tuple[str, sql.Composed]]:
    path = f"{schemas.published}.{table.name}"
    name = sql.Identifier(schemas.published, table.name)
    yield (
        f"table {path}",
        sql.SQL("CREATE TABLE {} ()").format(name),
    )
    for column in (*table.columns, *_KEPT):
        default = sql.SQL("" if column.nullable else " NOT NULL DEFAULT now()")
        yield (
            f"column {path}.{column.name}",
            sql.SQL("ALTER TABLE {} ADD COLUMN {} {}{}").format(
                name,
                sql.Identifier(column.name),
                sql.SQL(column.type),
                default if column in _KEPT else sql.SQL(""),
            ),
        )


def _keys_and_indexes(schemas: Schemas, table: Table) -> Iterator[tuple[str, sql.Composed]]:
    path = f"{schemas.published}.{table.name}"
    name = sql.Identifier(schemas.published, table.name)
    yield (
        f"constraint {path}.{table.name}_pkey",
        sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} PRIMARY KEY ({})").format(
            name,
            sql.Identifier(f"{table.name}_pkey"),
            sql.SQL(", ").join(map(sql.Identifier, table.key)),
        ),
    )
    indexed = []
    for column in table.columns:
        if column.references:
            indexed.append(column.name)
            constraint = f"{table.name}_{column.name}_fkey"
            yield (
                f"constraint {path}.{constraint}",
                sql.SQL(
                    "ALTER TABLE {} ADD CONSTRAINT {} FOREIGN KEY ({}) "
                    "REFERENCES {} (id) DEFERRABLE"
                ).format(
                    name,
                    sql.Identifier(constraint),
                    sql.Identifier(column.name),
                    sql.Identifier(schemas.published, column.references),
                ),
            )
    if table.name in SEARCHED:
        indexed.append(SEARCHED[table.name])
    for column_name in indexed:
        if column_name == table.key[0]:
            continue
        index = f"{table.name}_{column_name}_idx"
        yield (
            f"index {schemas.published}.{index}",
            sql.SQL("CREATE INDEX {} ON {} ({})").format(
                sql.Identifier(index), name, sql.Identifier(column_name)
            ),
        )
