"""What each table holds, from ``schemas/``: a part of the reference."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tap_ft42.streams import STREAMS

ROOT = Path(__file__).resolve().parent.parent

_PATHS = {stream.listing.name: stream.listing.path for stream in STREAMS}
_TYPES = {"array": "list", "boolean": "boolean", "integer": "integer", "number": "number",
          "object": "JSON", "string": "text"}  # fmt: skip


def tables() -> str:
    """Describe each table: what it holds, its key, its columns, where each comes from."""
    schemas = [
        json.loads(file.read_text(encoding="utf-8"))
        for file in sorted((ROOT / "schemas").glob("*.json"))
    ]
    schemas += [rows for schema in schemas for rows in schema.get("x-rows", {}).values()]
    schemas.sort(key=lambda schema: schema["title"])
    listed = " · ".join(f"[`{schema['title']}`](#{schema['title']})" for schema in schemas)
    return f"{listed}\n\n" + "\n".join(map(_table, schemas))


def _table(schema: dict[str, Any]) -> str:
    rows = "".join(
        f"| `{name}` | {_type(column)} | {column['description']}{_source(name, column)} |\n"
        for name, column in schema["properties"].items()
        if name != "extra"
    )
    path = _PATHS.get(schema["title"])
    origin = f"From `GET {path}`. " if path else ""
    key = ", ".join(f"`{column}`" for column in schema["x-primary-key"])
    return (
        f"## {schema['title']}\n\n"
        f"{schema['description']}\n\n"
        f"{origin}Key: {key}.\n\n| column | type | meaning |\n|---|---|---|\n{rows}"
    )


def _type(column: dict[str, Any]) -> str:
    kinds = column["type"] if isinstance(column["type"], list) else [column["type"]]
    (kind,) = set(kinds) - {"null"}
    if column.get("format") == "date-time":
        return "instant"
    if kind == "array" and "items" not in column:
        return "JSON"
    return _TYPES[kind]


def _source(name: str, column: dict[str, Any]) -> str:
    source = column.get("x-source", name)
    return "" if source == name else f" From `{source}`."
