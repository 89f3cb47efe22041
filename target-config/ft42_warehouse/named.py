"""Where people are named: in any value of any table, whatever the key.

A string stands in a text where no letter or digit touches it: ``jdoe`` in ``git@…-jdoe``
and ``jdoe's group``, but neither in ``ajdoe`` nor in ``jdoe-x``, where that is the login
of somebody else. In a column that says what the row's own person is called, it is only
found as the whole value: whoever else the row is about may share a part of it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby
from typing import TYPE_CHECKING, Any

from psycopg import sql

from ft42_warehouse.tables import PERSONS, Table, published_tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from psycopg import Connection

    from ft42_warehouse.statements import Schemas

_LEAST = 3
"""Characters of a string that is looked for."""

_MOST_PARTS = 6
"""Runs of letters and digits in what is known again by its digest: enough for addresses."""

_TEXT = "text"
_WORD = re.compile(r"[^\W_]+")
_LOGIN = re.compile(r"[\w.-]+")
_WHOLE_NAME = re.compile(r"[^\W\d_]+([ .'\u2019-]+[^\W\d_]+)+\.?")
_ERASED = "[erased]"
_NOTHING = "hidden"
"""What the API writes in the place of a phone number."""

Named = dict[int, set[str]]
"""What persons are called, by their ids."""


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
    def says_who(self) -> bool:
        """Whether it says what the row's own person is called."""
        table = next((one for one in published_tables() if one.name == self.table), None)
        return bool(table and table.naming.get(self.name, _TEXT) != _TEXT)


def text_columns(connection: Connection[Any], schemas: Schemas) -> list[TextColumn]:
    """Return the columns that can hold text, of all tables of all schemas, in their order."""
    rows = connection.execute(
        schemas.statement("erase/text_columns"),
        {"schemas": schemas.names, "warehouse": schemas.warehouse},
    )
    return [TextColumn(*row) for row in rows]


def names_of(connection: Connection[Any], schemas: Schemas, persons: Iterable[int]) -> Named:
    """Return what persons, and nobody else, are called in the tables.

    Args:
        connection: A transaction is open.
        schemas: Names of the schemas, with all shards.
        persons: Ids at 42.

    Returns:
        Logins, addresses and whole names; not what holds the login anyway.
    """
    wanted = {"persons": [*persons]}
    found: dict[int, dict[str, set[str]]] = {}
    for table in published_tables():
        if table.person and (values := _values(table)):
            for schema_name in (schemas.landed, schemas.published):
                rows = connection.execute(
                    schemas.statement(
                        "erase/strings_of",
                        person=sql.Identifier(table.person),
                        anywhere=sql.Identifier(schema_name, table.name),
                        values=values,
                    ),
                    wanted,
                )
                for person, kind, string in rows:
                    if _is_telling(kind, string):
                        found.setdefault(person, {}).setdefault(kind, set()).add(string)
    named: Named = {}
    for person, kinds in found.items():
        logins = kinds.get("login", set())
        pattern = re.compile(rf"(?<![^\W_])(?:{'|'.join(map(re.escape, logins))})(?![^\W_])")
        named[person] = logins | {
            string
            for strings in kinds.values()
            for string in strings
            if not (logins and pattern.search(string))
        }
    shared = {
        string for string, login in _others_called(connection, schemas, named) if login is None
    }
    return {person: strings - shared for person, strings in named.items()}


def redact(connection: Connection[Any], schemas: Schemas, named: Named) -> None:
    """Take what persons are called out of every value of every table.

    Each table is gone through once, for all of them. A rejected record goes whole, and so
    does a row whose key would change.

    Args:
        connection: A transaction of the publisher is open.
        schemas: Names of the schemas, with all shards.
        named: What the persons are called.

    Raises:
        psycopg.Error: The server refused a statement.
    """
    strings = sorted({string for strings in named.values() for string in strings})
    if not strings:
        return
    longer: dict[str, set[str]] = {}
    for string, login in _others_called(connection, schemas, named):
        if login is not None:
            longer.setdefault(string, set()).add(login)
    parts = {
        "rough": sql.Literal("|".join(map(_escaped, strings))),
        "exact": sql.Literal(_pattern(strings, longer)),
        "whole": sql.Literal(strings),
    }
    columns = text_columns(connection, schemas)
    for (schema, name), group in groupby(columns, lambda one: (one.schema, one.table)):
        of_table = [*group]
        table = sql.Identifier(schema, name)
        finding = sql.SQL(" OR ").join(_finding(column, parts) for column in of_table)
        rows = connection.execute(
            sql.SQL("SELECT ctid::text FROM ONLY {} WHERE {}").format(table, finding)
        ).fetchall()
        places = {"places": [place for (place,) in rows]}
        if not rows:
            continue
        in_key = [column for column in of_table if column.is_key]
        if in_key:
            condition = sql.SQL(" OR ").join(_finding(column, parts) for column in in_key)
            if name == "rejected_records":
                condition = sql.SQL("true OR ") + condition
            connection.execute(
                sql.SQL(
                    "DELETE FROM ONLY {} WHERE ctid = ANY (%(places)s::tid[]) AND ({})"
                ).format(table, condition),
                places,
            )
        changes = [
            sql.SQL("{} = {}").format(column.identifier, _without(column, parts))
            for column in of_table
            if not column.is_key
        ]
        if changes:
            connection.execute(
                sql.SQL("UPDATE ONLY {} SET {} WHERE ctid = ANY (%(places)s::tid[])").format(
                    table, sql.SQL(", ").join(changes)
                ),
                places,
            )


def finding(columns: list[TextColumn], strings: set[str]) -> list[sql.Composed]:
    """Return the conditions that a row of a table holds one of the strings."""
    parts = {
        "rough": sql.Literal("|".join(map(_escaped, strings))),
        "exact": sql.Literal(_pattern(strings)),
        "whole": sql.Literal([*strings]),
    }
    return [_finding(column, parts) for column in columns] if strings else []


def digest_of(connection: Connection[Any], schemas: Schemas, string: str) -> str:
    """Return the digest by which what an erased person was called is known again."""
    return _digest(_salt(connection, schemas), string)


def remember_names(connection: Connection[Any], schemas: Schemas, named: Named) -> None:
    """Keep digests of what erased persons were called, which nobody can read back."""
    salt = _salt(connection, schemas)
    with connection.cursor() as cursor:
        cursor.executemany(
            sql.SQL(
                "INSERT INTO {}.erased_strings VALUES (%s, %s) ON CONFLICT DO NOTHING"
            ).format(sql.Identifier(schemas.warehouse)),
            [
                (person, _digest(salt, string))
                for person, strings in named.items()
                for string in strings
            ],
        )


def erased_names(
    connection: Connection[Any], schemas: Schemas
) -> Iterator[tuple[TextColumn, int, str]]:
    """Yield where erased persons are still named, with their ids and what was found.

    Args:
        connection: A transaction of the publisher is open.
        schemas: Names of the schemas, with all shards.

    Raises:
        psycopg.Error: The server refused a statement.
    """
    warehouse = sql.Identifier(schemas.warehouse)
    erased = {
        digest: person
        for person, digest in connection.execute(
            sql.SQL(
                "SELECT user_id, digest FROM {0}.erased_strings WHERE {0}.is_refused(user_id)"
            ).format(warehouse)
        )
    }
    if not erased:
        return
    salt = _salt(connection, schemas)
    others = {
        login
        for (login,) in connection.execute(
            sql.SQL("SELECT login FROM {}.users").format(sql.Identifier(schemas.published))
        )
    }
    known: dict[str, int | None] = {}
    for column in text_columns(connection, schemas):
        with connection.cursor("strings") as cursor:
            cursor.execute(_strings_in(column))
            for (value,) in cursor:
                for string in {value} if column.says_who else _pieces(value, others):
                    if string not in known:
                        known[string] = erased.get(_digest(salt, string))
                    if (person := known[string]) is not None and string not in others:
                        yield column, person, string


def _strings_in(column: TextColumn) -> sql.Composed:
    """Return the query for the different strings in a column, but for figures and instants."""
    value = sql.SQL("{}").format(column.identifier)
    table = sql.Identifier(column.schema, column.table)
    if column.type.endswith("[]"):
        value = sql.SQL("to_jsonb({})").format(column.identifier)
    if column.type.startswith(("json", "text[", "character varying[")):
        string = sql.SQL("value #>> ARRAY[]::text[]").format()
        rows = sql.SQL(
            "(SELECT jsonb_path_query({value}::jsonb, 'strict $.** ? (@.type() == \"string\")')"
            " AS value FROM ONLY {table} "
            "UNION ALL SELECT to_jsonb(key) FROM ONLY {table}, "
            "jsonb_path_query({value}::jsonb, 'strict $.** ? (@.type() == \"object\")') "
            "AS found, jsonb_object_keys(found) AS key) AS found"
        ).format(value=value, table=table)
    else:
        string = sql.SQL("{}").format(value)
        rows = sql.SQL("ONLY {}").format(table)
    return sql.SQL(
        "SELECT DISTINCT string FROM (SELECT {} AS string FROM {}) AS one "
        "WHERE string ~ '[[:alpha:]]' AND string !~ '^[0-9-]+T[0-9:.]+Z?$'"
    ).format(string, rows)


def _pieces(value: str, others: set[str]) -> Iterator[str]:
    """Yield a text and what stands in it as words, but for the logins of others."""
    yield value
    words = [word.span() for word in _WORD.finditer(value)]
    spans = [
        (begin, end)
        for first, (begin, _) in enumerate(words)
        for _, end in words[first : first + _MOST_PARTS]
    ]
    taken = [span for span in spans if value[span[0] : span[1]] in others]
    for begin, end in spans:
        if not any(b <= begin and end <= e for b, e in taken):
            yield value[begin:end]


def _values(table: Table) -> sql.Composed | None:
    """Return what a row ``l`` calls its person, as pairs of kind and string."""
    pairs = [
        sql.SQL("({}, l.{})").format(sql.Literal(kind), sql.Identifier(column))
        for column, kind in table.naming.items()
        if kind not in {_TEXT, "host"}
    ]
    return sql.SQL(", ").join(pairs) if pairs else None


def _is_telling(kind: str, string: str) -> bool:
    """Say whether a string names one person: a first name alone does not."""
    if kind == "name":
        return _WHOLE_NAME.fullmatch(string) is not None
    if kind == "login" and not _LOGIN.fullmatch(string):
        return False
    return len(string) >= _LEAST and string != _NOTHING


def _others_called(
    connection: Connection[Any], schemas: Schemas, named: Named
) -> list[tuple[str, str | None]]:
    users = next(table for table in published_tables() if table.name == PERSONS)
    strings = {string for strings in named.values() for string in strings}
    return connection.execute(
        schemas.statement("erase/others_called", values=_values(users) or sql.SQL("")),
        {"persons": [*named], "strings": [*strings]},
    ).fetchall()


def _finding(column: TextColumn, parts: dict[str, sql.Literal]) -> sql.Composed:
    """Say that a person is named in a column."""
    if column.says_who:
        return sql.SQL("{} = ANY ({whole})").format(column.identifier, **parts)
    return sql.SQL("({0}::text ~ {rough} AND {0}::text ~ {exact})").format(
        column.identifier, **parts
    )


def _without(column: TextColumn, parts: dict[str, sql.Literal]) -> sql.Composed:
    """Return a column without what persons are called."""
    if column.says_who:
        return sql.SQL("CASE WHEN {0} = ANY ({whole}) THEN NULL ELSE {0} END").format(
            column.identifier, **parts
        )
    return sql.SQL("regexp_replace({}::text, {exact}, {}, 'g')::{}").format(
        column.identifier, sql.Literal(_ERASED), sql.SQL(column.type), **parts
    )


def _pattern(strings: Iterable[str], longer: dict[str, set[str]] | None = None) -> str:
    """Return the regular expression of strings, but for logins that one is a part of."""
    found = []
    for string in strings:
        around = ""
        for login in sorted((longer or {}).get(string, ())):
            before, _, after = login.partition(string)
            around += f"(?!{_escaped(string + after)}(?![[:alnum:]]))" if after else ""
            around += f"(?<!{_escaped(before)})" if before else ""
        found.append(around + _escaped(string))
    return rf"(?:(?<![[:alnum:]])|(?<=\\[bfnrt]))(?:{'|'.join(found)})(?![[:alnum:]])"


def _escaped(string: str) -> str:
    """Return a string as it stands in JSON, for a regular expression."""
    return re.sub(r"([^\w\s])", r"\\\1", json.dumps(string, ensure_ascii=False)[1:-1])


def _digest(salt: str, string: str) -> str:
    return sha256(f"{salt}{string}".encode()).hexdigest()


def _salt(connection: Connection[Any], schemas: Schemas) -> str:
    (salt,) = connection.execute(
        sql.SQL("SELECT salt FROM {}.erasure_salt").format(sql.Identifier(schemas.warehouse))
    ).fetchone() or ("",)
    return str(salt)
