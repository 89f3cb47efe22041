"""Where people are named: in any value of any table, whatever the key.

A string stands in a text where no word goes on beside it: ``jdoe`` in ``git@…-jdoe``,
``jdoe's group``, ``jdoe_libft``, ``jdoeX1`` and ``42jdoe``, but neither in ``ajdoe`` nor in
``jdoe-x`` or ``jdoe2``, where that is the login of somebody else. In a column that says
what the row's own person is called, it is only found as the whole value: whoever else the
row is about may share a part of it.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby
from typing import TYPE_CHECKING, Any

from psycopg import sql

from ft42_warehouse.tables import PERSONS, Table, published_tables, tables_by_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from psycopg import Connection

    from ft42_warehouse.statements import Schemas

_LEAST = 3
"""Characters of a string that is looked for."""

_MOST_PARTS = 8
"""Words in what is known again by its digest, but for whole values: enough for addresses."""

_FEW = 8
_TEXT = "text"
_WORD = re.compile(r"\d+|[^\W\d_]+")
_END = re.compile(r"(?<=\d)(?!\d)|(?<=[^\W\d_])(?![^\W\d_])|(?<=[a-z])(?=[A-Z])")
_JSON_ESCAPE = re.compile(r"\\[bfnrt]")
_HEXADECIMAL = re.compile(r"[0-9a-f]+")
"""What stands in identifiers by chance: there, no letter or digit may touch it."""
_WHOLE = {"login", "mail", "name", "phone"}
"""Kinds of columns of which a part may be the name of somebody else."""

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
    def is_structured(self) -> bool:
        """Whether it holds JSON, or a list."""
        return self.type.startswith("json") or self.type.endswith("[]")

    @property
    def says_who(self) -> bool:
        """Whether it says what the row's own person is called."""
        table = tables_by_name().get(self.table)
        return bool(table and table.naming.get(self.name, _TEXT) in _WHOLE)

    @property
    def lands_without_text(self) -> bool:
        """Whether a trigger lets only what is declared land, and no text of people."""
        return (self.table, self.name) == ("projects_users", "teams")


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
        Logins, addresses and whole names.
    """
    wanted = {"persons": [*persons]}
    found: dict[int, dict[str, set[str]]] = {}
    for table in published_tables():
        if table.person and (values := called(table)):
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
    named = {
        person: {string for strings in kinds.values() for string in strings}
        for person, kinds in found.items()
    }
    shared = {
        string for string, login in _others_called(connection, schemas, named) if login is None
    }
    return {person: strings - shared for person, strings in named.items()}


def redact(
    connection: Connection[Any], schemas: Schemas, named: Named, *, everywhere: bool
) -> None:
    """Take what persons are called out of every value of every table.

    Each table is gone through once, for all of them. A rejected record goes whole, and so
    does a row whose key would change.

    Args:
        connection: A transaction of the publisher is open.
        schemas: Names of the schemas, with all shards.
        named: What the persons are called.
        everywhere: Look at columns, too, in which no text lands. To go through the teams of
            all enrolments takes three times as long as all else.

    Raises:
        psycopg.Error: The server refused a statement.
    """
    strings = sorted({string for strings in named.values() for string in strings})
    if not strings:
        return
    logins = {login for _, login in _others_called(connection, schemas, named) if login}
    longer = {
        string: {login for login in logins if string in login and string != login}
        for string in strings
    }
    parts = _parts(strings, longer)
    columns = [
        column
        for column in text_columns(connection, schemas)
        if everywhere or schemas.keep_strangers or not column.lands_without_text
    ]
    for (schema, name), group in groupby(columns, lambda one: (one.schema, one.table)):
        of_table = [*group]
        table = sql.Identifier(schema, name)
        finding = sql.SQL(" OR ").join(_finding(column, parts) for column in of_table)
        rows = connection.execute(
            sql.SQL("SELECT ctid::text FROM ONLY {} WHERE {}").format(table, finding)
        ).fetchall()
        if not rows:
            continue
        # As a literal: with values to bind, a percent sign in a name would be one, too.
        there = sql.SQL("ctid = ANY ({}::tid[])").format([place for (place,) in rows])
        in_key = [column for column in of_table if column.is_key]
        if in_key:
            condition = sql.SQL(" OR ").join(_finding(column, parts) for column in in_key)
            if name == "rejected_records":
                condition = sql.SQL("true OR ") + condition
            connection.execute(
                sql.SQL("DELETE FROM ONLY {} WHERE {} AND ({})").format(table, there, condition)
            )
        changes = [
            sql.SQL("{} = {}").format(column.identifier, _without(column, parts))
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
    """Let the server look anew at tables of which its statistics quote a string."""
    quoting = connection.execute(
        schemas.statement("erase/statistics"),
        {"schemas": schemas.names, "parts": [f"%{_like(string)}%" for string in strings]},
    ).fetchall()
    for path in quoting:
        connection.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(*path)))


def finding(columns: list[TextColumn], strings: set[str]) -> list[sql.Composed]:
    """Return the conditions that a row of a table holds one of the strings."""
    parts = _parts(strings)
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
    others = {
        login
        for (login,) in connection.execute(
            sql.SQL("SELECT login FROM {}.users").format(sql.Identifier(schemas.published))
        )
    }
    known = _Known(_salt(connection, schemas), erased, others)
    for column in text_columns(connection, schemas):
        with connection.cursor("strings") as cursor:
            cursor.execute(_strings_in(column))
            for (found,) in cursor:
                for person, string in known.named(column, found):
                    yield column, person, string


class _Known:
    """What erased persons were called, known again by its digest.

    The words of a text are looked at once, however often it stands in the tables.
    """

    def __init__(self, salt: str, erased: dict[str, int], others: set[str]) -> None:
        self._salt = salt
        self._erased = erased
        self._others = others
        self._persons: dict[str, int | None] = {}
        self._within: dict[str, list[tuple[int, str]]] = {}

    def named(self, column: TextColumn, value: str) -> Iterator[tuple[int, str]]:
        """Yield who is named in a value of a column, and how."""
        if column.is_structured:
            # What a person is called stands in one of the strings, never across a quote.
            for text in _JSON_ESCAPE.sub(" ", value).split('"'):
                yield from self._of_words(text)
            return
        yield from self._of([value])
        if not column.says_who:
            yield from self._of_words(value)

    def _of_words(self, text: str) -> list[tuple[int, str]]:
        if (found := self._within.get(text)) is None:
            found = self._within[text] = [*self._of(_pieces(text, self._others))]
        return found

    def _of(self, strings: Iterable[str]) -> Iterator[tuple[int, str]]:
        for string in strings:
            if string not in self._persons:
                self._persons[string] = self._erased.get(_digest(self._salt, string))
            person = self._persons[string]
            if person is not None and string not in self._others:
                yield person, string


def _strings_in(column: TextColumn) -> sql.Composed:
    """Return the query for the different strings in a column, but for figures and instants.

    JSON is looked at as text, without what begins with a digit: of a million teams, only a
    few are different then.
    """
    string = sql.SQL("{}").format(column.identifier)
    if column.type.endswith("[]"):
        string = sql.SQL("to_jsonb({})::text").format(column.identifier)
    if column.is_structured:
        string = sql.SQL(r"regexp_replace({}::text, '\m[0-9][0-9:.TZ+-]*', '', 'g')").format(
            string
        )
    return sql.SQL(
        "SELECT DISTINCT string FROM (SELECT {} AS string FROM ONLY {}) AS one "
        "WHERE string ~ '[[:alpha:]]'"
    ).format(string, sql.Identifier(column.schema, column.table))


def _pieces(value: str, others: set[str]) -> Iterator[str]:
    """Yield what stands in a text as words, but for the logins of others."""
    ends = [end.start() for end in _END.finditer(value)]
    spans = [
        (word.start(), end)
        for word in _WORD.finditer(value)
        for end in ends[bisect_right(ends, word.start()) :][:_MOST_PARTS]
    ]
    taken = [span for span in spans if value[span[0] : span[1]] in others]
    for begin, end in spans:
        piece = value[begin:end]
        if len(piece) < _LEAST or any(b <= begin and end <= e for b, e in taken):
            continue
        around = value[max(begin - 1, 0) : begin] + value[end : end + 1]
        if not (_HEXADECIMAL.fullmatch(piece) and any(map(str.isalnum, around))):
            yield piece


def called(table: Table) -> sql.Composed | None:
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
    users = tables_by_name()[PERSONS]
    strings = {string for strings in named.values() for string in strings}
    return connection.execute(
        schemas.statement("erase/others_called", values=called(users) or sql.SQL("")),
        {
            "persons": [*named],
            "strings": [*strings],
            "parts": [f"%{_like(string)}%" for string in strings if _LOGIN.fullmatch(string)],
        },
    ).fetchall()


def _parts(
    strings: Iterable[str], longer: dict[str, set[str]] | None = None
) -> dict[str, sql.Composable]:
    """Return what conditions on columns are made of."""
    # The longest first: what is left of an address would not be known again.
    by_length = sorted(strings, key=lambda string: (-len(string), string))
    return {
        "rough": _rough(_shortest(by_length)),
        "exact": sql.Literal(_pattern(by_length, longer)),
        "whole": sql.Literal(by_length),
    }


def _rough(strings: list[str]) -> sql.Composable:
    """Return what a text that holds one of the strings is like; one by one, few are faster."""
    if len(strings) <= _FEW:
        return sql.SQL("LIKE ANY ({})").format([f"%{_like(string)}%" for string in strings])
    return sql.SQL("~ {}").format("|".join(map(_escaped, strings)))


def _shortest(strings: list[str]) -> list[str]:
    """Return those of strings, the longest first, that hold no other."""
    return [
        string
        for place, string in enumerate(strings)
        if not any(other in string for other in strings[place + 1 :])
    ]


def _like(string: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", json.dumps(string, ensure_ascii=False)[1:-1])


def _finding(column: TextColumn, parts: dict[str, sql.Composable]) -> sql.Composed:
    """Say that a person is named in a column."""
    if column.says_who:
        return sql.SQL("{} = ANY ({whole})").format(column.identifier, **parts)
    return sql.SQL("({0}::text {rough} AND {0}::text ~ {exact})").format(
        column.identifier, **parts
    )


def _without(column: TextColumn, parts: dict[str, sql.Composable]) -> sql.Composed:
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
    return "|".join(
        _word_pattern(string, sorted((longer or {}).get(string, ()))) for string in strings
    )


def _word_pattern(string: str, longer: Iterable[str]) -> str:
    """Return the regular expression of a string where no word goes on beside it."""
    before, after = "[[:alnum:]]", "[[:alnum:]]"
    if not _HEXADECIMAL.fullmatch(string):
        before = "[[:alpha:]]" if string[0].isalpha() else "[[:digit:]]"
        after = "[[:digit:]]"
        if string[-1].isalpha():
            after = "[[:lower:]]" if string[-1].islower() else "[[:alpha:]]"
    around = ""
    for login in longer:
        left, _, right = login.partition(string)
        around += f"(?!{_escaped(string + right)}(?![[:alnum:]]))" if right else ""
        around += f"(?<!{_escaped(left)})" if left else ""
    # In JSON, the letter of an escape (a line's end) is none.
    begin = rf"(?:(?<!{before})|(?<=\\[bfnrt]))"
    return f"{begin}{around}{_escaped(string)}(?!{after})"


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
