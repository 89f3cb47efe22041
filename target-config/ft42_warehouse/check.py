"""``warehouse check``: verifies every promise about the tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import psycopg
from psycopg import Connection, sql

from ft42_warehouse.mentions import mentioned
from ft42_warehouse.named.digests import erased_names
from ft42_warehouse.objects import Objects
from ft42_warehouse.published import required_objects
from ft42_warehouse.shards import with_shards
from ft42_warehouse.statements import Schemas
from ft42_warehouse.tables import PERSONS, Column, Part, Table, parts, published_tables

_PAST = {"created_at", "updated_at", "marked_at", "alumnized_at"}
"""Columns whose instants lie in the past; others may lie in the future."""


def broken_promises(connection: Connection[Any], schemas: Schemas) -> list[str]:
    """Return the broken promises, a sentence each; nothing is changed.

    Rows that landed after the last publish are skipped: they are not late yet.

    Raises:
        psycopg.Error: The server refused a statement.
    """
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        schemas = with_shards(connection, schemas)
        objects = Objects(connection, schemas)
        broken = [
            f"{name} is missing: run `warehouse init`"
            for name in required_objects(schemas)
            if not objects.exists(name)
        ]
        if any(name.startswith(("table", "column")) for name in broken):
            return broken
        for statement in _statements(connection, schemas):
            broken += [line for (line,) in connection.execute(statement)]
        found = Counter(
            f"{column.schema}.{column.table}.{column.name}"
            for column, *_ in erased_names(connection, schemas)
        )
        broken += [
            f"{place} names erased persons, {count} times" for place, count in found.items()
        ]
    return broken


def remember(connection: Connection[Any], schemas: Schemas, broken: list[str]) -> None:
    """Keep the broken promises that a check has found, for `warehouse status`.

    Raises:
        psycopg.Error: The server refused a statement.
    """
    # If a table is missing, `findings` reports that by itself.
    with suppress(psycopg.errors.UndefinedTable):
        connection.execute(schemas.statement("check/note"), {"broken": broken})


def _statements(connection: Connection[Any], schemas: Schemas) -> Iterator[sql.Composed]:
    names = {
        "schema_names": sql.Literal(schemas.names),
        "published_name": sql.Literal(schemas.published),
    }
    for name in ("encoding", "nul", "unvalidated", "ranks"):
        yield schemas.statement(f"check/{name}", **names)
    (since,) = connection.execute(
        sql.SQL("SELECT coalesce(max(seen_before), 0) FROM {}.publishes").format(
            sql.Identifier(schemas.warehouse)
        )
    ).fetchone() or (0,)
    for table, part in parts():
        yield of_part(schemas, table, part)
    for table in published_tables():
        yield from _statements_of(schemas, table, sql.Literal(since))


def of_part(schemas: Schemas, table: Table, part: Part) -> sql.Composed:
    """Return the statement that compares the table of a list with the rows that hold it."""
    return schemas.of_part(
        "check/parts",
        table,
        part,
        part_name=sql.Literal(f"{schemas.published}.{part.name}"),
        table_name=sql.Literal(table.name),
    )


def _statements_of(
    schemas: Schemas, table: Table, since: sql.Literal
) -> Iterator[sql.Composed]:
    for name in ("duplicates", "unstamped"):
        yield schemas.of_table(f"check/{name}", table)
    checks = ["not_published", "published_differently"]
    if not table.has_derived_rows:
        checks += ["not_landed"]
    for name in checks:
        yield schemas.of_table(f"check/{name}", table, since=since)
    # A census says nothing about rows that other loads have landed.
    for load in schemas.each_landing() if table.key == ("id",) else ():
        yield from _counted(load, table, since)
    yield from _statements_of_references(schemas, table, since)
    for column in table.columns:
        if column.type == "timestamptz":
            yield schemas.of_table(
                "check/instants",
                table,
                column=sql.Identifier(column.name),
                column_name=sql.Literal(column.name),
                latest=latest(column),
            )
    yield from _statements_of_persons(schemas, table, since)


def _statements_of_persons(
    schemas: Schemas, table: Table, since: sql.Literal
) -> Iterator[sql.Composed]:
    for schema_name in (schemas.landed, schemas.published):
        searched = {
            "anywhere": sql.Identifier(schema_name, table.name),
            "where": sql.Literal(f"{schema_name}.{table.name}"),
        }
        if table.person:
            person = sql.Identifier(table.person)
            yield schemas.statement("check/erased", person=person, since=since, **searched)
        if table.mentions:
            ids = mentioned(schemas, table, "l")
            yield schemas.statement("check/erased_others", mentioned=ids, **searched)


def _statements_of_references(
    schemas: Schemas, table: Table, since: sql.Literal
) -> Iterator[sql.Composed]:
    if table.references:
        yield schemas.of_table("check/waiting", table, since=since)
    for column in table.references:
        yield schemas.of_table(
            "check/published_without_parent",
            table,
            column=sql.Identifier(column.name),
            column_name=sql.Literal(column.name),
            parent=sql.Identifier(schemas.published, str(column.references)),
            parent_name=sql.Literal(column.references),
        )


def _counted(schemas: Schemas, table: Table, since: sql.Literal) -> Iterator[sql.Composed]:
    """Yield the statements that compare a landing schema with its last census and audit."""
    names = ["gone", "uncounted", "totals"]
    if any(column.name == "created_at" for column in table.columns):
        names.append("days")
    for name in names:
        yield schemas.of_table(
            f"check/{name}",
            table,
            since=since,
            **census_parts(schemas, table, since),
        )


def latest(column: Column) -> sql.SQL:
    """Return the latest instant that a column can hold."""
    return sql.SQL("now() + interval '1 day'" if column.name in _PAST else "'2200-01-01+00'")


def census_parts(
    schemas: Schemas, table: Table, since: sql.Composable
) -> dict[str, sql.Composable]:
    """Return the parts of statements that compare a table with its last census."""
    return {
        "last_census": schemas.statement(
            "check/last_census", table_name=sql.Literal(table.name), since=since
        ),
        "excused": schemas.statement(
            "check/excused", is_person=sql.Literal(table.name == PERSONS)
        )
        if table.person
        else sql.SQL("0"),
    }
