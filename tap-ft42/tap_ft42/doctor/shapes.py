"""The shape of records, without their values.

A field is described by its name, the types of its values, and the shares that are null or
missing. Fields that only few records have are counted, but not named: their names could be
names of people.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

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
_OTHERS = "(others)"


def shape_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the shape of records.

    Returns:
        By the path of each field, such as ``user.login`` and ``teams[].id``: its types, and
        the shares of records in which it is null or missing.
    """
    return dict(_fields(rows, "", 1))


def _fields(
    rows: Sequence[Mapping[str, Any]], above: str, depth: int
) -> Iterator[tuple[str, dict[str, Any]]]:
    counts = Counter(name for row in rows for name in row)
    others = 0
    for name, count in counts.items():
        if count < _COMMON * len(rows) or not _NAME.fullmatch(name):
            others += 1
            continue
        yield from _field([row[name] for row in rows if name in row], above + name, rows, depth)
    if others:
        yield f"{above}{_OTHERS}", {"fields": others}


def _field(
    values: Sequence[object], path: str, rows: Sequence[object], depth: int
) -> Iterator[tuple[str, dict[str, Any]]]:
    types = sorted({_type(value) for value in values if value is not None})
    yield (
        path,
        {
            "types": types,
            "null": round(sum(value is None for value in values) / len(values), 3),
            "missing": round(1 - len(values) / len(rows), 3),
        },
    )
    if depth == _DEEPEST:
        return
    below = [value for value in values if isinstance(value, dict)]
    if below:
        yield from _fields(below, f"{path}.", depth + 1)
    items = [item for value in values if isinstance(value, list) for item in value]
    objects = [item for item in items if isinstance(item, dict)]
    if objects:
        yield from _fields(objects, f"{path}[].", depth + 1)
    if len(objects) < len(items):
        plain = [item for item in items if not isinstance(item, dict)]
        yield from _field(plain, f"{path}[]", plain, _DEEPEST)


def _type(value: object) -> str:
    if isinstance(value, str):
        return next((name for name, form in _FORMS if form.fullmatch(value)), "text")
    return _TYPES[type(value)]
