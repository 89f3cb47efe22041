"""What other targets have written, read back with the types that the schemas declare."""

from __future__ import annotations

import csv
import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

import duckdb

from tests.end_to_end.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.end_to_end.oracle import Row, Table

_RUN_OF_A_FILE = re.compile(r"^(\w+)-\d{8}T\d{6}$")

_READ_FOR_A_CURSUS = {"projects", "users"}

Written = dict[str, list["Row"]]
"""The rows of each stream, in the order in which they were written."""


def json_lines(folder: Path) -> Written:
    """Read a file a stream, to which each run has added."""
    return {
        file.stem: [
            _typed(file.stem, json.loads(line))
            for line in file.read_text(encoding="utf-8").splitlines()
        ]
        for file in sorted(folder.glob("*.jsonl"))
    }


def comma_separated(folder: Path) -> Written:
    """Read a file for each stream and run, the oldest first."""
    written: Written = {}
    for file in sorted(folder.glob("*.csv")):
        match = _RUN_OF_A_FILE.match(file.stem)
        assert match, file
        with file.open(encoding="utf-8", newline="") as lines:
            rows = [_from_text(match[1], row) for row in csv.DictReader(lines)]
        written.setdefault(match[1], []).extend(rows)
    return written


def tables(file: Path, schema: str = "ft42_raw") -> Written:
    """Read the tables of a schema of a DuckDB."""
    with duckdb.connect(str(file), read_only=True) as database:
        names = database.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = ?", [schema]
        ).fetchall()
        return {name: _rows(name, database.table(f'"{schema}"."{name}"')) for (name,) in names}


def parquet(folder: Path) -> Written:
    """Read a Parquet file a stream."""
    with duckdb.connect() as memory:
        return {
            file.stem: _rows(file.stem, memory.read_parquet(str(file)))
            for file in sorted(folder.glob("*.parquet"))
        }


def latest(rows: list[Row], key: tuple[str, ...] = ("id",)) -> Table:
    """Return the last row of each key, as a reader of files that only grow must."""
    return {tuple(row[column] for column in key): row for row in rows}


def as_the_api_has_it(stream: str, table: Table) -> Table:
    """Return rows without the column that says which cursus they were read for."""
    if stream not in _READ_FOR_A_CURSUS:
        return table
    return {
        key: {name: value for name, value in row.items() if name != "cursus_id"}
        for key, row in table.items()
    }


def with_empty_text_as_null(table: Table) -> Table:
    """Return rows with null for an empty text, as some targets write it."""
    return {
        key: {name: None if value == "" else value for name, value in row.items()}
        for key, row in table.items()
    }


def _rows(stream: str, relation: duckdb.DuckDBPyRelation) -> list[Row]:
    return [
        _typed(stream, dict(zip(relation.columns, values, strict=True)))
        for values in relation.fetchall()
    ]


def _typed(stream: str, row: Row) -> Row:
    return {
        name: _value(kind, value)
        for name, value in row.items()
        if (kind := _kinds(stream).get(name))
    }


def _value(kind: str, value: Any) -> Any:  # noqa: ANN401 - of any type of JSON
    if kind == "instant":
        if isinstance(value, str):
            return datetime.fromisoformat(value)
        # DuckDB's timestamps have no zone; the tap's instants are UTC.
        return value.replace(tzinfo=UTC) if value and value.tzinfo is None else value
    if kind == "number" and value is not None:
        return Decimal(str(value))
    if kind in {"array", "object"} and isinstance(value, str):
        return json.loads(value)
    return value


def _from_text(stream: str, row: dict[str, str]) -> Row:
    read: dict[str, Callable[[str], object]] = {
        "integer": int,
        "boolean": {"True": True, "False": False}.__getitem__,
    }
    kinds = _kinds(stream)
    return _typed(
        stream,
        {
            name: None if text == "" else read.get(kinds.get(name, ""), str)(text)
            for name, text in row.items()
        },
    )


@cache
def _kinds(stream: str) -> dict[str, str]:
    """Return the kind of each column, as its schema says it; none of what is no stream."""
    file = ROOT / "schemas" / f"{stream}.json"
    if not file.exists():
        return {}
    columns = json.loads(file.read_text(encoding="utf-8"))["properties"]
    kinds = {}
    for name, column in columns.items():
        declared = column["type"] if isinstance(column["type"], list) else [column["type"]]
        (kind,) = {*declared} - {"null"}
        kinds[name] = "instant" if column.get("format") == "date-time" else kind
    return kinds
