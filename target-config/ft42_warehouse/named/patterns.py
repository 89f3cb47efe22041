"""Conditions and regular expressions that find strings in columns."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from psycopg import sql

from ft42_warehouse.named.columns import TextColumn

LEAST = 3
"""Characters of a string, at least; shorter ones are not searched for."""

_FEW = 8
_ERASED = "[erased]"
HEXADECIMAL = re.compile(r"[0-9a-f]+")
"""Strings that also occur in identifiers by chance. No letter or digit may touch them."""


def conditions(columns: list[TextColumn], strings: set[str]) -> list[sql.Composed]:
    """Return the conditions, one for each column, that a row holds one of the strings."""
    parts = parts_of(strings)
    return [condition_of(column, parts) for column in columns] if strings else []


def parts_of(
    strings: Iterable[str], longer: dict[str, set[str]] | None = None
) -> dict[str, sql.Composable]:
    """Return the parts of conditions on columns."""
    # The longest first: if a login in an address were removed first, the rest would stay.
    by_length = sorted(strings, key=lambda string: (-len(string), string))
    return {
        "rough": _rough(_shortest(by_length)),
        "exact": sql.Literal(_pattern(by_length, longer)),
        "whole": sql.Literal(by_length),
    }


def _rough(strings: list[str]) -> sql.Composable:
    """Return a quick condition that a text may hold one of the strings.

    For few strings ``LIKE`` is faster than a regular expression.
    """
    if len(strings) <= _FEW:
        return sql.SQL("LIKE ANY ({})").format([f"%{like(string)}%" for string in strings])
    return sql.SQL("~ {}").format("|".join(map(_escaped, strings)))


def _shortest(strings: list[str]) -> list[str]:
    """Return the strings that contain no other one; the longest must come first."""
    return [
        string
        for place, string in enumerate(strings)
        if not any(other in string for other in strings[place + 1 :])
    ]


def like(string: str) -> str:
    """Return a string in its JSON form, escaped for ``LIKE``."""
    return re.sub(r"([\\%_])", r"\\\1", json.dumps(string, ensure_ascii=False)[1:-1])


def condition_of(column: TextColumn, parts: dict[str, sql.Composable]) -> sql.Composed:
    """Return the condition that a column names a person."""
    if column.says_who:
        return sql.SQL("{} = ANY ({whole})").format(column.identifier, **parts)
    return sql.SQL("({0}::text {rough} AND {0}::text ~ {exact})").format(
        column.identifier, **parts
    )


def without(column: TextColumn, parts: dict[str, sql.Composable]) -> sql.Composed:
    """Return the value of a column without the names of persons."""
    if column.says_who:
        return sql.SQL("CASE WHEN {0} = ANY ({whole}) THEN NULL ELSE {0} END").format(
            column.identifier, **parts
        )
    return sql.SQL("regexp_replace({}::text, {exact}, {}, 'g')::{}").format(
        column.identifier, sql.Literal(_ERASED), sql.SQL(column.type), **parts
    )


def _pattern(strings: Iterable[str], longer: dict[str, set[str]] | None = None) -> str:
    """Return the regular expression of strings; longer logins that contain one are skipped."""
    return "|".join(
        _word_pattern(string, sorted((longer or {}).get(string, ()))) for string in strings
    )


def _word_pattern(string: str, longer: Iterable[str]) -> str:
    """Return the regular expression of a string as a word of its own."""
    before, after = "[[:alnum:]]", "[[:alnum:]]"
    if not HEXADECIMAL.fullmatch(string):
        before = "[[:alpha:]]" if string[0].isalpha() else "[[:digit:]]"
        after = "[[:digit:]]"
        if string[-1].isalpha():
            after = "[[:lower:]]" if string[-1].islower() else "[[:alpha:]]"
    around = ""
    for login in longer:
        left, _, right = login.partition(string)
        around += f"(?!{_escaped(string + right)}(?![[:alnum:]]))" if right else ""
        around += f"(?<!{_escaped(left)})" if left else ""
    # In JSON, the letter of an escape such as \\n is no letter of the word before.
    begin = rf"(?:(?<!{before})|(?<=\\[bfnrt]))"
    return f"{begin}{around}{_escaped(string)}(?!{after})"


def _escaped(string: str) -> str:
    """Return a string in its JSON form, escaped for a regular expression."""
    return re.sub(r"([^\w\s])", r"\\\1", json.dumps(string, ensure_ascii=False)[1:-1])
