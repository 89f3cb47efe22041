"""The columns that every tool of the comparison loads: those in ``schemas/``.

The tap has rules of its own for this (``tap_ft42.declared.records``). Those of the others are
as short as somebody would write them who trusts the API.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

Json = dict[str, Any]


def schema_of(stream: str) -> Json:
    """Return the JSON Schema of a stream, without what only this project's tap reads."""
    schema: Json = json.loads((ROOT / f"schemas/{stream}.json").read_text())
    columns = {name: column for name, column in schema["properties"].items() if name != "extra"}
    return {**schema, "properties": columns}


def paths_of(schema: Json) -> dict[str, tuple[str, ...]]:
    """Return, by column, the keys that lead to its value in a record of the API."""
    return {
        name: tuple(column.get("x-source", name).split("/"))
        for name, column in schema["properties"].items()
    }


def row_of(record: Json, paths: dict[str, tuple[str, ...]], added: Json) -> Json:
    """Turn a record of the API into a row.

    Args:
        record: What the API sent.
        paths: What `paths_of` says.
        added: Columns that the request knows and the record does not.

    Returns:
        The row.
    """
    row = {}
    for name, path in paths.items():
        value: Any = record
        for key in path:
            value = value.get(key) if value is not None else None
        row[name] = value
    return {**row, **added}
