"""The shape of records, without their values.

A field is described by its name, the types of its values, and the shares that are null or
missing. Fields that only few records have are counted, but not named: their names could be
names of people.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}\??")
_COMMON = 0.5
"""A field is named if at least this share of the records has it."""
_DEEPEST = 3
"""Levels of objects and lists that are described."""
_FORMS = (
    ("instant", re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")),
    ("local instant", re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?[+-]\d\d:?\d\d")),
    ("date", re.compile(r"\d{4}-\d\d-\d\d")),
    ("digits", re.compile(r"\d+")),
    ("empty text", re.compile(r"")),
)
_TYPES: dict[type, str] = {
    bool: "boolean", dict: "object", float: "number", int: "integer", list: "list",
}  # fmt: skip

Shape = dict[str, dict[str, Any]]


def shape_of(rows: Sequence[Mapping[str, Any]], above: str = "", depth: int = 1) -> Shape:
    """Return the shape of records.

    Args:
        rows: The records.
        above: The path of the field that holds them, with a full stop behind it.
        depth: Their level.

    Returns:
        By the path of each field, such as ``user.login`` and ``teams[].id``: its types, and
        the shares of records in which it is null or missing.
    """
    shape, others = Shape(), 0
    for name, count in Counter(name for row in rows for name in row).items():
        if count < _COMMON * len(rows) or not _NAME.fullmatch(name):
            others += 1
        else:
            values = [row[name] for row in rows if name in row]
            shape |= _shape_of_field(values, above + name, len(rows), depth)
    return shape | ({f"{above}(others)": {"fields": others}} if others else {})


def _shape_of_field(values: Sequence[object], path: str, rows: int, depth: int) -> Shape:
    shape: Shape = {
        path: {
            "types": sorted({_type(value) for value in values if value is not None}),
            "null": round(sum(value is None for value in values) / len(values), 3),
            "missing": round(1 - len(values) / rows, 3),
        }
    }
    if depth == _DEEPEST:
        return shape
    items = [item for value in values if isinstance(value, list) for item in value]
    for within, some in ((f"{path}.", values), (f"{path}[].", items)):
        objects = [value for value in some if isinstance(value, dict)]
        shape |= shape_of(objects, within, depth + 1)
    plain = [item for item in items if not isinstance(item, dict)]
    if plain:
        shape |= _shape_of_field(plain, f"{path}[]", len(plain), _DEEPEST)
    return shape


def _type(value: object) -> str:
    if isinstance(value, str):
        return next((name for name, form in _FORMS if form.fullmatch(value)), "text")
    return _TYPES[type(value)]
