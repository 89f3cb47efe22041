"""The strings that name persons in the tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from psycopg import Connection, sql

from ft42_warehouse.named.patterns import LEAST, like
from ft42_warehouse.statements import Schemas
from ft42_warehouse.tables import PERSONS, TEXT, published_tables, tables_by_name

_LOGIN = re.compile(r"[\w.-]+")
_WHOLE_NAME = re.compile(r"[^\W\d_]+([ .'\u2019-]+[^\W\d_]+)+\.?")
_NOTHING = "hidden"
"""The API writes this instead of a phone number."""

Named = dict[int, set[str]]
"""By person's id: the strings that name the person."""


def names_of(connection: Connection[Any], schemas: Schemas, persons: Iterable[int]) -> Named:
    """Return the strings that name these persons, and nobody else, in the tables.

    They are logins, addresses and full names. `schemas` has all shards.
    """
    wanted = {"persons": [*persons]}
    found: dict[int, dict[str, set[str]]] = {}
    for table in published_tables():
        for person, columns in table.named_by.items():
            if (values := called(columns)) is None:
                continue
            for schema_name in (schemas.landed, schemas.published):
                rows = connection.execute(
                    schemas.statement(
                        "erase/strings_of",
                        person=sql.Identifier(person),
                        anywhere=sql.Identifier(schema_name, table.name),
                        values=values,
                    ),
                    wanted,
                )
                for own, kind, string in rows:
                    if _is_telling(kind, string):
                        found.setdefault(own, {}).setdefault(kind, set()).add(string)
    named = {
        person: {string for strings in kinds.values() for string in strings}
        for person, kinds in found.items()
    }
    shared = {
        string for string, login in others_called(connection, schemas, named) if login is None
    }
    return {person: strings - shared for person, strings in named.items()}


def called(columns: Mapping[str, str]) -> sql.Composed | None:
    """Return columns of a row ``l`` that name a person, as pairs of kind and string."""
    pairs = [
        sql.SQL("({}, l.{})").format(sql.Literal(kind), sql.Identifier(column))
        for column, kind in columns.items()
        if kind not in {TEXT, "host"}
    ]
    return sql.SQL(", ").join(pairs) if pairs else None


def _is_telling(kind: str, string: str) -> bool:
    """Tell whether a string names one person; a first name alone does not."""
    if kind == "name":
        return _WHOLE_NAME.fullmatch(string) is not None
    if kind == "login" and not _LOGIN.fullmatch(string):
        return False
    return len(string) >= LEAST and string != _NOTHING


def others_called(
    connection: Connection[Any], schemas: Schemas, named: Named
) -> list[tuple[str, str | None]]:
    """Return the strings that also name others, and logins of others that contain one."""
    users = tables_by_name()[PERSONS]
    strings = {string for strings in named.values() for string in strings}
    return connection.execute(
        schemas.statement("erase/others_called", values=called(users.naming) or sql.SQL("")),
        {
            "persons": [*named],
            "strings": [*strings],
            "parts": [f"%{like(string)}%" for string in strings if _LOGIN.fullmatch(string)],
        },
    ).fetchall()
