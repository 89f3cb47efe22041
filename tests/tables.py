"""Write the README's section on tables from ``schemas/``: ``python tests/tables.py``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tap_ft42.streams import STREAMS

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
BEGIN = "<!-- tables: written by tests/tables.py -->\n"
END = "<!-- /tables -->\n"

_PATHS = {stream.name: stream.path for stream in STREAMS}
_TYPES = {"array": "list", "boolean": "boolean", "integer": "integer", "number": "number",
          "object": "JSON", "string": "text"}  # fmt: skip


def section() -> str:
    """Describe each table: what it holds, its columns, where each comes from."""
    schemas = [
        json.loads(file.read_text(encoding="utf-8"))
        for file in sorted((ROOT / "schemas").glob("*.json"))
    ]
    return "\n".join(map(_table, schemas))


def with_section(readme: str) -> str:
    """Return the README with the section brought up to date."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{section()}{END}{after}"


def _table(schema: dict[str, Any]) -> str:
    rows = "".join(
        f"| `{name}` | {_type(column)} | {_source(name, column)} | {column['description']} |\n"
        for name, column in schema["properties"].items()
        if name != "extra"
    )
    path = _PATHS.get(schema["title"])
    origin = f"From `GET {path}`.\n\n" if path else ""
    return (
        f"<details><summary><code>{schema['title']}</code>: "
        f"{schema['description']}</summary>\n\n"
        f"{origin}| column | type | from | meaning |\n|---|---|---|---|\n{rows}\n</details>\n"
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
    return "" if source == name else f"`{source}`"


if __name__ == "__main__":
    README.write_text(with_section(README.read_text(encoding="utf-8")), encoding="utf-8")
