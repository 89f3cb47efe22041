"""The published schema: the tables that people query, with their keys."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import psycopg
from psycopg import Connection, sql

from ft42_warehouse.landing import comment_on
from ft42_warehouse.objects import Objects
from ft42_warehouse.statements import Schemas
from ft42_warehouse.tables import SEARCHED, Column, Part, Table, parts, published_tables

_COMMON_PARENT = "cursus"
"""Nearly all rows refer to the same row of this table, so an index would be of no use."""

_UNION = sql.SQL("\nUNION ALL\n")

_KEPT = (
    Column("first_seen_at", "timestamptz", "When the row was first published.", None, False),
    Column("last_changed_at", "timestamptz", "When it last changed here.", None, False),
)


def structure() -> str:
    """Return a digest of the structure of the published tables."""
    return sha256(repr(published_tables()).encode()).hexdigest()[:16]


def required_objects(schemas: Schemas) -> list[str]:
    """Return the names of all required objects, in the form of ``sql/init/existing.sql``."""
    return (
        [
            name
            for table in published_tables()
            for made in (_tables_and_columns, _keys, _indexes)
            for name, *_ in made(schemas, table)
        ]
        + [
            name
            for _, part in parts()
            for made in (_tables_and_columns, _keys_of_part, _indexes)
            for name, *_ in made(schemas, part)
        ]
        + [f"view {schemas.published}.{view}" for view in ("orphan_rows", "orphans")]
    )


def create_published(connection: Connection[Any], objects: Objects, schemas: Schemas) -> bool:
    """Create the published tables, and their missing columns, keys and indexes.

    If a key was lost, the rows that violate it are deleted: a publish brings the right ones
    back from the landing schema. The connection's role owns the schemas; a transaction is open.

    Returns:
        Whether the next publish must look at every row, to fill what was created.

    Raises:
        psycopg.Error: The server refused a statement.
    """
    to_fill = False
    for table in published_tables():
        for name, statement in _tables_and_columns(schemas, table):
            to_fill |= objects.make(name, statement)
    for table in published_tables():
        for name, remove_violations, statement in _keys(schemas, table):
            if not objects.exists(name):
                to_fill |= connection.execute(remove_violations).rowcount > 0
                objects.make(name, statement)
        for name, statement in _indexes(schemas, table):
            objects.make(name, statement)
        # An older version made this index. It costs a write for each published row.
        unused = f"{table.name}_{_COMMON_PARENT}_id_idx"
        if objects.exists(f"index {schemas.published}.{unused}"):
            connection.execute(
                sql.SQL("DROP INDEX {}").format(sql.Identifier(schemas.published, unused))
            )
        _comment(objects, schemas, table)
    for _, part in parts():
        to_fill |= _create_part(objects, schemas, part)
    objects.keep(f"view {schemas.published}.orphans", orphans_view(schemas))
    return to_fill


def _create_part(objects: Objects, schemas: Schemas, part: Part) -> bool:
    made = [objects.make(*each) for each in _tables_and_columns(schemas, part)]
    for name, statement in (*_keys_of_part(schemas, part), *_indexes(schemas, part)):
        objects.make(name, statement)
    _comment(objects, schemas, part)
    return any(made)


def _comment(objects: Objects, schemas: Schemas, table: Table | Part) -> None:
    comment_on(
        objects,
        schemas.published,
        table.name,
        table.description,
        {column.name: column.description for column in (*table.columns, *_KEPT)},
    )


def orphans_view(schemas: Schemas) -> sql.Composed:
    """Return the statement for the views of rows that wait for a parent."""
    return schemas.statement(
        "init/orphans",
        orphans=_UNION.join(
            orphans_of(schemas, table) for table in published_tables() if table.references
        ),
    )


def missing_of(schemas: Schemas, table: Table) -> sql.Composed:
    """Return the query for the foreign keys whose parent a landed row ``l`` lacks."""
    return _UNION.join(
        schemas.statement("parts/missing", **reference_parts(schemas, table, column))
        for column in table.references
    )


def end_of_the_last_publish(connection: Connection[Any], schemas: Schemas) -> int:
    """Return the first transaction whose rows the last publish may not have seen.

    It is 0 if the next publish must look at every row.

    Raises:
        psycopg.Error: The server refused a statement.
    """
    row = connection.execute(
        schemas.statement("publish/last_publish"), {"structure": structure()}
    ).fetchone()
    return row[0] if row else 0


def waiting(schemas: Schemas, since: sql.Composable) -> sql.Composed:
    """Return the subquery for the number of rows of each table that wait for a parent.

    `since` is the result of `end_of_the_last_publish`. With it, the server knows how few rows
    have landed since. `schemas` has all shards.
    """
    return schemas.statement("parts/waiting", waiting_rows=waiting_rows(schemas, since))


def waiting_rows(schemas: Schemas, since: sql.Composable) -> sql.Composed:
    """Return the query that counts the waiting rows of each table that refers to others."""
    return sql.SQL("    UNION ALL\n").join(
        schemas.of_table(
            "parts/waiting_rows", table, since=since, missing=missing_of(schemas, table)
        )
        for table in published_tables()
        if table.references
    )


def orphans_of(schemas: Schemas, table: Table) -> sql.Composed:
    """Return the query for the landed rows of a table that wait for a parent."""
    return schemas.of_table(
        "init/orphans_of",
        table,
        row_id=sql.SQL(" || ',' || ").join(sql.Identifier("l", key) for key in table.key),
        ids=sql.SQL(", ").join(
            sql.SQL("{}, {}").format(sql.Literal(name), sql.Identifier("l", name))
            for name in dict.fromkeys(
                (*table.copy_key, *(column.name for column in table.references))
            )
        ),
        missing=missing_of(schemas, table),
    )


def reference_parts(
    schemas: Schemas, table: Table, column: Column
) -> dict[str, sql.Composable]:
    """Return the parts of the query for rows whose column refers to no published row."""
    return {
        "column": sql.Identifier(column.name),
        "column_name": sql.Literal(column.name),
        "parent": sql.Identifier(schemas.published, str(column.references)),
        "parent_name": sql.Literal(column.references),
        "is_published_copy": schemas.is_published_copy(table, column),
    }


def drop_keys_of_empty(connection: Connection[Any], schemas: Schemas) -> bool:
    """Drop foreign keys and indexes if all published tables are empty and nobody reads them.

    The server keeps in memory a list of the rows whose keys it still has to check. For millions
    of rows it would need gigabytes. `make_keys` checks all rows at once, at the end of the
    publish.

    Returns:
        Whether they were dropped.

    Raises:
        psycopg.Error: The server refused a statement.
    """
    tables = {
        table: sql.Identifier(schemas.published, table.name) for table in published_tables()
    }
    for name in tables.values():
        if connection.execute(sql.SQL("SELECT FROM {} LIMIT 1").format(name)).rowcount:
            return False
    try:
        with connection.transaction():
            connection.execute(
                sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE NOWAIT").format(
                    sql.SQL(", ").join(tables.values())
                )
            )
    except psycopg.errors.LockNotAvailable:
        return False
    for table, name in tables.items():
        for path, *_ in _foreign_keys(schemas, table):
            connection.execute(
                sql.SQL("ALTER TABLE {} DROP CONSTRAINT IF EXISTS {}").format(
                    name, _last_part(path)
                )
            )
        for path, _ in _indexes(schemas, table):
            connection.execute(
                sql.SQL("DROP INDEX IF EXISTS {}.{}").format(
                    sql.Identifier(schemas.published), _last_part(path)
                )
            )
    return True


def make_keys(connection: Connection[Any], schemas: Schemas) -> None:
    """Create the keys and indexes that `drop_keys_of_empty` has dropped.

    Raises:
        psycopg.Error: The server refused a statement, for example as a row violates a key.
    """
    for table in published_tables():
        for made in (_indexes, _foreign_keys):
            for *_, statement in made(schemas, table):
                connection.execute(statement)


def _tables_and_columns(
    schemas: Schemas, table: Table | Part
) -> Iterator[tuple[str, sql.Composed]]:
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


def _keys(schemas: Schemas, table: Table) -> Iterator[tuple[str, sql.Composed, sql.Composed]]:
    """Yield for each key: its name, the statement that deletes violations, and its own."""
    name, statement = _primary_key(schemas, table)
    yield name, schemas.of_table("init/remove_duplicates", table), statement
    yield from _foreign_keys(schemas, table)


def _foreign_keys(
    schemas: Schemas, table: Table
) -> Iterator[tuple[str, sql.Composed, sql.Composed]]:
    for column in table.columns:
        if column.references:
            name, statement = _foreign_key(schemas, table, column)
            parts = {
                "column": sql.Identifier(column.name),
                "parent": sql.Identifier(schemas.published, column.references),
            }
            yield name, schemas.of_table("init/remove_unparented", table, **parts), statement


def _keys_of_part(schemas: Schemas, part: Part) -> Iterator[tuple[str, sql.Composed]]:
    """Yield the name and the statement of each key."""
    yield _primary_key(schemas, part)
    for column in part.columns:
        if column.references:
            yield _foreign_key(schemas, part, column)


def _primary_key(schemas: Schemas, table: Table | Part) -> tuple[str, sql.Composed]:
    columns = sql.SQL(", ").join(map(sql.Identifier, table.key))
    return _constraint(schemas, table, "pkey", sql.SQL("PRIMARY KEY ({})").format(columns))


def _foreign_key(
    schemas: Schemas, table: Table | Part, column: Column
) -> tuple[str, sql.Composed]:
    # The items of a list are deleted with their row.
    cascade = "ON DELETE CASCADE " if isinstance(table, Part) else ""
    key = sql.SQL("FOREIGN KEY ({}) REFERENCES {} (id) {}DEFERRABLE").format(
        sql.Identifier(column.name),
        sql.Identifier(schemas.published, str(column.references)),
        sql.SQL(cascade),
    )
    return _constraint(schemas, table, f"{column.name}_fkey", key)


def _constraint(
    schemas: Schemas, table: Table | Part, kind: str, rule: sql.Composed
) -> tuple[str, sql.Composed]:
    """Return the name of a constraint, as in `required_objects`, and its statement."""
    name = f"{table.name}_{kind}"
    statement = sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} {}").format(
        sql.Identifier(schemas.published, table.name), sql.Identifier(name), rule
    )
    return f"constraint {schemas.published}.{table.name}.{name}", statement


def _indexes(schemas: Schemas, table: Table | Part) -> Iterator[tuple[str, sql.Composed]]:
    name = sql.Identifier(schemas.published, table.name)
    indexed = [
        column.name
        for column in table.columns
        if column.references not in {None, _COMMON_PARENT}
    ]
    if table.name in SEARCHED:
        indexed.append(SEARCHED[table.name])
    for column in indexed:
        if column != table.key[0]:
            index = f"{table.name}_{column}_idx"
            yield (
                f"index {schemas.published}.{index}",
                sql.SQL("CREATE INDEX {} ON {} ({})").format(
                    sql.Identifier(index), name, sql.Identifier(column)
                ),
            )


def _last_part(path: str) -> sql.Identifier:
    return sql.Identifier(path.rpartition(".")[2])
