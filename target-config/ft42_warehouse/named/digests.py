"""Finds erased persons who are named again, by irreversible digests of their names."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from functools import lru_cache
from hashlib import sha256
from typing import Any

from psycopg import Connection, sql

from ft42_warehouse.named.columns import TextColumn, text_columns
from ft42_warehouse.named.patterns import HEXADECIMAL, LEAST
from ft42_warehouse.named.strings import Named
from ft42_warehouse.statements import Schemas

_MOST_PARTS = 8
"""A part of a value may have so many words to be found: enough for addresses."""

_REMEMBERED = 100_000
"""Strings in the cache: most of them stand in many values."""

_STRINGS_IN_JSON = (
    'strict $.** ? (@.type() == "string")',
    'strict $.** ? (@.type() == "object").keyvalue().key',
)
_WORD = re.compile(r"\d+|[^\W\d_]+")
_END = re.compile(r"(?<=\d)(?!\d)|(?<=[^\W\d_])(?![^\W\d_])|(?<=[a-z])(?=[A-Z])")


def digest_of(connection: Connection[Any], schemas: Schemas, string: str) -> str:
    """Return the digest of a string that may name an erased person."""
    return _digest(_salt(connection, schemas), string)


def remember_names(connection: Connection[Any], schemas: Schemas, named: Named) -> None:
    """Keep digests of the strings that name erased persons."""
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
    """Yield columns that name erased persons, each with the person's id and the string.

    A transaction of the publisher is open; `schemas` has all shards.

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

    @lru_cache(_REMEMBERED)
    def person_called(string: str) -> int | None:
        return None if string in others else erased.get(_digest(salt, string))

    @lru_cache(_REMEMBERED)
    def persons_in(segment: str) -> dict[str, int]:
        pieces = _pieces(segment, others)
        return {
            piece: person for piece in pieces if (person := person_called(piece)) is not None
        }

    for column in text_columns(connection, schemas):
        says_who = column.says_who
        with connection.cursor("strings") as cursor:
            cursor.execute(_strings_in(column))
            for (value,) in cursor:
                whole = person_called(value)
                found = {} if whole is None else {value: whole}
                # No name contains a slash. Parts of paths repeat, so the cache finds them.
                for segment in () if says_who else value.split("/"):
                    found |= persons_in(segment)
                for string, person in found.items():
                    yield column, person, string


def _strings_in(column: TextColumn) -> sql.Composed:
    """Return the query for the distinct strings in a column, except figures and instants.

    In JSON these are all texts and keys. A million teams have only few distinct ones.
    """
    if column.is_structured:
        strings = sql.SQL(" UNION ALL ").join(
            sql.SQL(
                "SELECT jsonb_path_query(to_jsonb({column}), {path}) #>> '{{}}' AS string "
                "FROM ONLY {table}"
            ).format(column=column.identifier, path=path, table=column.table_identifier)
            for path in _STRINGS_IN_JSON
        )
    else:
        strings = sql.SQL("SELECT {} AS string FROM ONLY {}").format(
            column.identifier, column.table_identifier
        )
    return sql.SQL(
        "SELECT DISTINCT string FROM ({}) AS one "
        "WHERE string ~ '[[:alpha:]]' AND string !~ '^[0-9][0-9:.TZ+-]*$'"
    ).format(strings)


def _pieces(value: str, others: set[str]) -> Iterator[str]:
    """Yield a text, and the words and groups of words in it, except the logins of others."""
    yield value
    ends = [end.start() for end in _END.finditer(value)]
    spans = [
        (word.start(), end)
        for word in _WORD.finditer(value)
        for end in ends[bisect_right(ends, word.start()) :][:_MOST_PARTS]
    ]
    taken = [span for span in spans if value[span[0] : span[1]] in others]
    for begin, end in spans:
        piece = value[begin:end]
        if len(piece) < LEAST or any(b <= begin and end <= e for b, e in taken):
            continue
        around = value[max(begin - 1, 0) : begin] + value[end : end + 1]
        if not (HEXADECIMAL.fullmatch(piece) and any(map(str.isalnum, around))):
            yield piece


def _digest(salt: str, string: str) -> str:
    return sha256(f"{salt}{string}".encode()).hexdigest()


def _salt(connection: Connection[Any], schemas: Schemas) -> str:
    (salt,) = connection.execute(
        sql.SQL("SELECT salt FROM {}.erasure_salt").format(sql.Identifier(schemas.warehouse))
    ).fetchone() or ("",)
    return str(salt)
