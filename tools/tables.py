"""What each table holds, from ``schemas/``: a part of the reference."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tap_ft42.streams import STREAMS

from tools.derived import OWN

ROOT = Path(__file__).resolve().parent.parent

_PATHS = {stream.listing.name: stream.listing.path for stream in STREAMS}
_LIKE_EVERYWHERE = {"id", "slug", "created_at", "updated_at"}
"""What the page explains once; a table lists them only if it says more."""
_FEW_WORDS = 6
_SAY_NOTHING = {
    "a", "an", "api", "are", "by", "default", "id", "in", "is", "it", "its",
    "numbers", "of", "person", "s", "the", "url", "was", "what", "when", "whether",
}  # fmt: skip

_SINGULAR = {"blocs": {"bloc"}, "campuses": {"campus"}, "users": {"user"}}
"""What a description calls a row of a table."""


def tables() -> str:
    """Describe each table: what it holds, its key, its columns, where each comes from."""
    schemas = [
        json.loads(file.read_text(encoding="utf-8"))
        for file in sorted((ROOT / "schemas").glob("*.json"))
    ]
    schemas += [rows for schema in schemas for rows in schema.get("x-rows", {}).values()]
    schemas.sort(key=lambda schema: schema["title"])
    return "\n".join(map(_table, schemas))


def _table(schema: dict[str, Any]) -> str:
    title = schema["title"]
    columns = {name: one for name, one in schema["properties"].items() if name != "extra"}
    plain = [name for name, one in columns.items() if _is_plain(name, one, title)]
    rows = "".join(
        f"- `{name}`{_type(column)}: {_meaning(name, column)}\n"
        for name, column in columns.items()
        if name not in plain
    )
    parts = [f"## {title}", f"{schema['description']}{_origin(schema)}"]
    if title in OWN:  # the database explains them
        return "\n\n".join(parts) + "\n"
    if rows:
        parts.append(rows.rstrip())
    if plain:
        listed = ", ".join(f"`{name}`" for name in plain)
        parts.append(f"Also: {listed}.")
    return "\n\n".join(parts) + "\n"


def _origin(schema: dict[str, Any]) -> str:
    path = _PATHS.get(schema["title"])
    key = ", ".join(f"`{column}`" for column in schema["x-primary-key"])
    return (f" `GET {path}`." if path else "") + (f" Key: {key}." if key != "`id`" else "")


def _is_plain(name: str, column: dict[str, Any], title: str) -> bool:
    """Whether a column's name says what its description does."""
    words = re.findall(r"\w+", column["description"].lower())
    is_short = ";" not in column["description"] and len(words) <= _FEW_WORDS
    parts = {"student"} if name == "user_id" else {*name.split("_")}
    parts |= _SINGULAR.get(title, set())
    is_told = {*words} - _SAY_NOTHING <= parts
    return is_told or (name in _LIKE_EVERYWHERE and is_short)


def _type(column: dict[str, Any]) -> str:
    """Name a type that a query has to know: a document or an array."""
    kinds = column["type"] if isinstance(column["type"], list) else [column["type"]]
    if "object" in kinds or ("array" in kinds and "items" not in column):
        return " JSON"
    return " list" if "array" in kinds else ""


def _meaning(name: str, column: dict[str, Any]) -> str:
    source = column.get("x-source", name)
    text: str = column["description"].removesuffix(".")
    is_told = source.replace("/", "_").rstrip("?") == name
    return text if is_told else f"{text} (`{source}`)"
