"""Which personal data leaves the tap: all, pseudonyms, or only what keys need.

The schema of a stream says where people stand in its records (``x-persons``). The setting
``privacy`` may be:

``pseudonymous``
    A login becomes its HMAC-SHA-256 under ``privacy_key``, in hexadecimal. So a person has
    the same pseudonym in all streams and runs, and without the key nobody can find a login by
    trying (RFC 2104). Names, addresses, pictures, URLs, seats and free texts become null.
    With ``privacy_ids: keyed`` the ids of people are replaced, too, by the first 53 bits of a
    hash. Any JSON reader can read such a number exactly. The probability that any two of
    200,000 people get the same id is two in a million.
``none``
    Like ``pseudonymous``, but without logins. Ids of people stay only in columns that are
    keys or refer to a person. Of a person's own row only these columns stay, and those that
    decide whether the row is published (``x-scope``).

A row fits its schema. A rejected record does not, so personal data may stand anywhere in it:
only its id leaves the tap.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

from tap_ft42.declared.listing import ID
from tap_ft42.declared.records import types_of

FULL, PSEUDONYMOUS, NONE = "full", "pseudonymous", "none"
KEPT, KEYED = "kept", "keyed"
SHORTEST_KEY = 16

_ANONYMISED = "3b3-"
"""How the logins of people begin whom 42 has anonymised. The warehouse looks for it."""

_ID_BITS = 53
_EACH = "*"
_SCALARS = (str, int, float, bool)

_Change: TypeAlias = Callable[[Any], Any]
_Rule: TypeAlias = "_Change | dict[str, _Rule]"


def refusal(settings: Mapping[str, Any]) -> str | None:
    """Say why the privacy settings contradict each other; None if they do not."""
    preset, ids = settings.get("privacy", FULL), settings.get("privacy_ids", KEPT)
    is_needed = preset == PSEUDONYMOUS or ids == KEYED
    if preset == FULL and ids == KEYED:
        return "privacy_ids: keyed needs privacy: pseudonymous or none"
    if is_needed and len(settings.get("privacy_key") or "") < SHORTEST_KEY:
        return (
            f"privacy_key is missing or has fewer than {SHORTEST_KEY} characters: make one "
            "with `openssl rand -hex 32` and keep it; with another key all pseudonyms change"
        )
    return None


@dataclass(frozen=True)
class Privacy:
    """The privacy settings.

    Attributes:
        preset: One of ``full``, ``pseudonymous``, ``none``.
        key: The key of the pseudonyms; empty if there are none.
        has_keyed_ids: Whether the ids of people are replaced, too.
    """

    preset: str
    key: bytes
    has_keyed_ids: bool

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Privacy:
        """Return the privacy settings of a tap, after `refusal` has checked them."""
        key = (settings.get("privacy_key") or "").encode()
        preset, ids = settings.get("privacy", FULL), settings.get("privacy_ids", KEPT)
        return cls(preset, key, ids == KEYED)

    @property
    def is_full(self) -> bool:
        """Whether all data leaves the tap unchanged."""
        return self.preset == FULL

    @cached_property
    def scope(self) -> dict[str, str]:
        """The part of the scope in the state: with another preset or key, all is read again."""
        if self.is_full:
            return {}
        ids = KEYED if self.has_keyed_ids else KEPT
        return {"privacy": f"{self.preset} {ids} {self._hash('privacy')[:16]}"}

    def login(self, value: object) -> str | None:
        """Return the pseudonym of a login; None for any other value."""
        if not isinstance(value, str):
            return None
        prefix = _ANONYMISED if value.startswith(_ANONYMISED) else ""
        if self.preset == NONE:
            return prefix or None
        return prefix + self._hash(value)

    def id(self, value: object) -> int | None:
        """Return the id of a person, or its pseudonym; None for any other value."""
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            return None
        if not self.has_keyed_ids:
            return value
        return int(self._hash(f"id:{value}")[:16], 16) >> (64 - _ID_BITS)

    def _hash(self, text: str) -> str:
        # A text with a lone surrogate, which UTF-8 cannot hold, is hashed, too.
        return hmac.digest(self.key, text.encode(errors="surrogatepass"), "sha256").hex()


class PersonalData:
    """The personal data in the rows of one stream, as rules compiled from its schema."""

    def __init__(self, schema: Mapping[str, Any], privacy: Privacy) -> None:
        self._privacy = privacy
        persons: Mapping[str, str] = schema.get("x-persons", {})
        self._columns = self._row_rules(schema, persons) if not privacy.is_full else {}
        self.is_person = persons.get("id") == "id"
        # Logins that must not be null: with the preset none, they are made from the row's id.
        self._labels = [
            name
            for name, kind in persons.items()
            if kind == "login" and name in schema["properties"]
            if "null" not in types_of(schema["properties"][name])
        ]

    @property
    def hides_ids(self) -> bool:
        """Whether the rows have other ids than the API's."""
        return self.is_person and self._privacy.has_keyed_ids

    def row(self, row: dict[str, Any]) -> dict[str, Any]:
        """Return a row as it may leave the tap."""
        if not self._columns:
            return row
        reduced = dict(row)
        for name, rule in self._columns.items():
            if name in row:
                reduced[name] = _applied(rule, row[name])
        if self._privacy.preset == NONE:
            for name in self._labels:
                prefix = reduced.get(name) or "person-"
                reduced[name] = f"{prefix}{reduced['id']:019d}"
        return reduced

    def record(self, record: object, *, may_be_whole: bool) -> object:
        """Return the part of a rejected record that may leave the tap.

        It may be any JSON value. `may_be_whole` says whether all columns of a row may leave.
        """
        if may_be_whole and self._privacy.is_full:
            return record
        number = record.get(ID) if isinstance(record, dict) else None
        return {ID: self.key(number)} if type(number) is int else None

    def key(self, number: int) -> int:
        """Return the id of a row as it leaves the tap."""
        return (self._privacy.id(number) or 0) if self.hides_ids else number

    # Rules

    def _row_rules(
        self, schema: Mapping[str, Any], persons: Mapping[str, str]
    ) -> dict[str, _Rule]:
        columns: Mapping[str, Any] = schema["properties"]
        rules: dict[str, _Rule] = {
            name: self._change(kind) for name, kind in persons.items() if name in columns
        }
        for name, paths in schema.get("x-items", {}).items():
            above = [name, _EACH] if "array" in types_of(columns[name]) else [name]
            rules[name] = self._item_rules("/".join(above), paths, persons)
        if self._privacy.preset == NONE and persons.get("id") == "id":
            left = {*schema["x-primary-key"], *schema.get("x-scope", ()), *persons}
            rules |= {
                name: _nothing
                for name, column in columns.items()
                if name not in left and "null" in types_of(column)
            }
        return rules

    def _item_rules(
        self, above: str, paths: Sequence[str], persons: Mapping[str, str]
    ) -> dict[str, _Rule]:
        rules: dict[str, _Rule] = {}
        for path in paths:
            whole = f"{above}/{path}"
            kind = persons.get(whole)
            # Ids of people within a list are no keys: no other row is found by them.
            is_left = kind == "id" and self._privacy.preset == NONE
            change = _nothing if is_left else _scalar if kind is None else self._change(kind)
            _put(rules, whole.split("/")[1:], change)
        return rules

    def _change(self, kind: str) -> _Change:
        changes: dict[str, _Change] = {"id": self._privacy.id, "login": self._privacy.login}
        return changes.get(kind, _nothing)


def _put(rules: dict[str, _Rule], path: Iterable[str], change: _Rule) -> None:
    *above, last = path
    for step in above:
        below = rules.setdefault(step, {})
        if not isinstance(below, dict):
            return
        rules = below
    rules[last] = change


def _applied(rule: _Rule, value: object) -> object:
    if not isinstance(rule, dict):
        return rule(value)
    if (each := rule.get(_EACH)) is not None:
        return [_applied(each, item) for item in value] if isinstance(value, list) else None
    if not isinstance(value, dict):
        return None
    return {key: _applied(rule[key], below) for key, below in value.items() if key in rule}


def _nothing(value: object) -> None:  # noqa: ARG001 - whatever it is
    return None


def _scalar(value: object) -> object:
    return value if isinstance(value, _SCALARS) else None
