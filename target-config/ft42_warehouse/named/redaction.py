"""Removes the names of persons from every table."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from psycopg import Connection, sql

from ft42_warehouse.named.columns import text_columns
from ft42_warehouse.named.patterns import condition_of, like, parts_of, without
from ft42_warehouse.named.strings import Named, others_called
from ft42_warehouse.statements import Schemas


def redact(
    connection: Connection[Any], schemas: Schemas, named: Named, *, everywhere: bool
) -> None:
    """Remove the names of persons from every value of every table.

    Each table is searched once, for all persons. A rejected record is deleted completely, and
    so is a row whose key would change.

    Args:
        connection: A connection of the publisher with an open transaction.
        schemas: Names of the schemas, with all shards.
        named: The strings that name the persons.
        everywhere: Also search columns in which no text can land. The teams of all enrolments
            take three times as long as all other columns.

    Raises:
        psycopg.Error: The server refused a statement.
    """
    strings = sorted({string for strings in named.values() for string in strings})
    if not strings:
        return
    logins = {login for _, login in others_called(connection, schemas, named) if login}
    longer = {
        string: {login for login in logins if string in login and string != login}
        for string in strings
    }
    parts = parts_of(strings, longer)
    columns = [
        column
        for column in text_columns(connection, schemas)
        if everywhere or schemas.keep_strangers or not column.lands_without_text
    ]
    for (schema, name), group in groupby(columns, lambda one: (one.schema, one.table)):
        of_table = [*group]
        table = sql.Identifier(schema, name)
        finding = sql.SQL(" OR ").join(condition_of(column, parts) for column in of_table)
        rows = connection.execute(
            sql.SQL("SELECT ctid::text FROM ONLY {} WHERE {}").format(table, finding)
        ).fetchall()
        if not rows:
            continue
        # This is a literal: a bound value would make a percent sign in a name a placeholder.
        there = sql.SQL("ctid = ANY ({}::tid[])").format([place for (place,) in rows])
        in_key = [column for column in of_table if column.is_key]
        if in_key:
            condition = sql.SQL(" OR ").join(condition_of(column, parts) for column in in_key)
            if name == "rejected_records":
                condition = sql.SQL("true OR ") + condition
            connection.execute(
                sql.SQL("DELETE FROM ONLY {} WHERE {} AND ({})").format(table, there, condition)
            )
        changes = [
            sql.SQL("{} = {}").format(column.identifier, without(column, parts))
            for column in of_table
            if not column.is_key
        ]
        if changes:
            connection.execute(
                sql.SQL("UPDATE ONLY {} SET {} WHERE {}").format(
                    table, sql.SQL(", ").join(changes), there
                )
            )
    _renew_statistics(connection, schemas, strings)


def _renew_statistics(
    connection: Connection[Any], schemas: Schemas, strings: list[str]
) -> None:
    """Renew the server's statistics of tables if they contain a string."""
    quoting = connection.execute(
        schemas.statement("erase/statistics"),
        {"schemas": schemas.names, "parts": [f"%{like(string)}%" for string in strings]},
    ).fetchall()
    for path in quoting:
        connection.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(*path)))
