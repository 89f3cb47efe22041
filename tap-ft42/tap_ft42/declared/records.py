"""How a record of the API becomes a row of its stream.

The schema file of the stream holds all rules. A column is filled from the key of the same
name, or from the path in its ``x-source`` (``user/id``, ``image/versions/large``,
``validated?``). The keys in ``x-embedded`` hold records of other streams: only their declared
ids are kept. All other undeclared fields go to the column ``extra``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import jsonschema_rs

from tap_ft42.declared.instants import rewrite_instant

EXTRA = "extra"
"""The column for fields that no other column declares."""

_MISSING = object()
_WORDS = (str, int, float)
_INT64 = {"minimum": -(2**63), "maximum": 2**63 - 1}
_JSON_TYPES: dict[type, str] = {
    bool: "a boolean",
    dict: "an object",
    float: "a number",
    int: "an integer",
    list: "an array",
    str: "a string",
    type(None): "null",
}

_Declared: TypeAlias = "dict[str, _Declared]"
"""The declared keys of a record, each with the declared keys of its nested object."""


class BrokenRecordError(Exception):
    """A record breaks the schema of its stream.

    The message names columns and types, never a value, so that it can be logged.
    """


class RecordShape:
    """The rules of one stream, compiled from its schema."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        columns: dict[str, dict[str, Any]] = schema["properties"]
        sources = {
            name: tuple(column.get("x-source", name).split("/"))
            for name, column in columns.items()
            if name != EXTRA
        }
        self._sources = sources
        self._flat = [(name, path[0]) for name, path in sources.items() if len(path) == 1]
        self._nested = [(name, path) for name, path in sources.items() if len(path) > 1]
        self._instants = [
            name for name, column in columns.items() if column.get("format") == "date-time"
        ]
        self._optional_places = sorted(
            {
                path[: depth + 1]
                for name, path in sources.items()
                if name not in schema["required"]
                for depth in range(len(path))
                if depth < len(path) - 1 or _is_nested(columns[name])
            },
            key=len,
        )
        self._integers = [name for name, column in columns.items() if _is_integer(column)]
        self._declared: _Declared = {key: {} for key in schema.get("x-embedded", ())}
        self._embedded = frozenset(self._declared)
        for path in sources.values():
            below = self._declared
            for key in path:
                below = below.setdefault(key, {})
        # jsonschema-rs checks an enrolment with two teams in 1.5 µs, fastjsonschema
        # in 5.8 µs, jsonschema in 162 µs (tools/benchmarks/validators.py).
        # In Draft 4, as in SQL, 5.0 is no integer. Instants are checked where they are
        # rewritten.
        self._validator = jsonschema_rs.Draft4Validator(
            {
                **schema,
                "properties": {name: _bounded(column) for name, column in columns.items()},
            },
            validate_formats=False,
        )

    def declares(self, key: str) -> bool:
        """Tell whether a column is filled from this key of the record, or from below it."""
        return key in self._declared

    def row(self, record: object, added: Mapping[str, object]) -> dict[str, Any]:
        """Turn a record into a row.

        A key that the record lacks is also missing in the row; 0, null and ``""`` stay as
        they are. If a column is not required, the API may send a word in place of its object
        or list (``"invisible"``): the word goes to ``extra``.

        Raises:
            BrokenRecordError: The record does not fit the schema.
        """
        if not isinstance(record, dict):
            message = f"the record is {_json_type(record)}, not an object"
            raise BrokenRecordError(message)
        try:
            return self._row(record, added)
        except BrokenRecordError:
            shown, words = self._shown(record)
            if not words:
                raise
        row = self._row(shown, added)
        row[EXTRA] = {**row.get(EXTRA, {}), **words}
        return row

    def _row(self, record: dict[str, Any], added: Mapping[str, object]) -> dict[str, Any]:
        # This runs for every row, so the usual case comes first.
        row = {name: record[key] for name, key in self._flat if key in record}
        for name, path in self._nested:
            if (value := _follow(record, path)) is not _MISSING:
                row[name] = value
        row.update(added)
        if undeclared := self._undeclared(record, self._declared):
            row[EXTRA] = undeclared
        self._rewrite(row)
        if not self._validator.is_valid(row):
            raise BrokenRecordError("; ".join(self._violations(row)))
        return row

    def _shown(self, record: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Separate a record from words that stand in place of optional objects or lists."""
        shown, words = dict(record), dict[str, Any]()
        for *above, key in self._optional_places:
            holder: Any = shown
            for step in above:
                holder = holder.get(step) if isinstance(holder, dict) else None
            if not isinstance(holder, dict) or not isinstance(holder.get(key), _WORDS):
                continue
            inside, beside = shown, words
            for step in above:
                inside[step] = dict(inside[step])
                inside, beside = inside[step], beside.setdefault(step, {})
            beside[key] = inside.pop(key)
        return shown, words

    def without_embedded(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """Return a record with only the declared ids of records of other streams."""
        return {
            key: {name: value[name] for name in self._declared[key] if name in value}
            if key in self._embedded and isinstance(value, dict)
            else value
            for key, value in record.items()
            if key not in self._embedded or isinstance(value, dict)
        }

    def _rewrite(self, row: dict[str, Any]) -> None:
        """Write instants and whole numbers in the form that all targets take."""
        for name in self._instants:
            if isinstance(text := row.get(name), str):
                try:
                    row[name] = rewrite_instant(text)
                except ValueError:
                    message = f"{name} is not an instant"
                    raise BrokenRecordError(message) from None
        for name in self._integers:
            if isinstance(number := row.get(name), float) and number.is_integer():
                row[name] = int(number)

    def _undeclared(self, record: Mapping[str, Any], declared: _Declared) -> dict[str, Any]:
        """Collect what no column declares, in the record's own structure."""
        undeclared: dict[str, Any] = {}
        for key, value in record.items():
            if key not in declared:
                undeclared[key] = value
            elif (
                (below := declared[key])
                and isinstance(value, dict)
                and key not in self._embedded
                and (rest := self._undeclared(value, below))
            ):
                undeclared[key] = rest
        return undeclared

    def _violations(self, row: dict[str, Any]) -> Iterator[str]:
        for error in self._validator.iter_errors(row):
            column = ".".join(map(str, error.instance_path))
            match error.kind:
                case jsonschema_rs.ValidationErrorKind.Required(property=name):
                    yield f"{self._named(name)} is missing"
                case jsonschema_rs.ValidationErrorKind.Type(types=types):
                    yield (
                        f"{column} is {_json_type(error.instance)}, not {' or '.join(types)}"
                    )
                case (
                    jsonschema_rs.ValidationErrorKind.Maximum()
                    | jsonschema_rs.ValidationErrorKind.Minimum()
                ):
                    yield f"{column} does not fit in 64 bits"
                case kind:
                    yield f"{column} breaks the rule {kind.name!r}"

    def _named(self, column: str) -> str:
        """Return a column's name, with the place that fills it if that has another."""
        source = "/".join(self._sources.get(column, (column,)))
        return column if source == column else f"{column} ({source})"


def _is_nested(column: Mapping[str, Any]) -> bool:
    return not {"array", "object"}.isdisjoint(types_of(column))


def _is_integer(column: Mapping[str, Any]) -> bool:
    return "integer" in types_of(column)


def types_of(column: Mapping[str, Any]) -> set[str]:
    """Return the types that a column's schema allows."""
    types = column["type"]
    return {types} if isinstance(types, str) else set(types)


def _bounded(column: Mapping[str, Any]) -> dict[str, Any]:
    """Limit the integers of a column to 64 bits, as a larger one fails its whole batch."""
    bounded = {**column, **_INT64} if _is_integer(column) else dict(column)
    if "items" in column:
        bounded["items"] = _bounded(column["items"])
    return bounded


def _follow(record: Mapping[str, Any], path: tuple[str, ...]) -> object:
    """Return the value at a path: None below a null, ``_MISSING`` if a key is missing."""
    value: object = record
    for key in path:
        if value is None:
            return None
        if not isinstance(value, dict):
            parent = "/".join(path[: path.index(key)])
            message = f"{parent} is {_json_type(value)}, not an object"
            raise BrokenRecordError(message)
        value = value.get(key, _MISSING)
        if value is _MISSING:
            return _MISSING
    return value


def _json_type(value: object) -> str:
    return _JSON_TYPES.get(type(value), type(value).__name__)
