"""Turns columns into pieces of JSON, which fill the templates of rows.

Forms with hundreds of thousands of rows are written in this way: a template takes a fifth of
the time of a dict that is then encoded.
"""

from __future__ import annotations

import math
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from ft42_sandbox.columns import NULL_INT, Kind
from ft42_sandbox.instants import json_texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ft42_sandbox.columns import Column
    from ft42_sandbox.store import Positions, Table

FLAGS = ("false", "true", "null")


def tokens(table: Table, positions: Positions, columns: Sequence[str]) -> list[list[Any]]:
    """For each column its values in these rows; formatted with `%s` they are JSON."""
    held = [table.columns[name] for name in columns]
    dates = [column.array[positions] for column in held if column.kind is Kind.INSTANT]
    # All columns at once, as the first instant of a call costs as much as 200 others.
    written = iter(instant_columns(dates) if dates else ())
    return [
        next(written)
        if column.kind is Kind.INSTANT
        else column_tokens(column, column.array[positions])
        for column in held
    ]


def instant_columns(columns: Sequence[NDArray[Any]]) -> list[list[Any]]:
    """Columns of instants, all as long as the first, as pieces of JSON."""
    written, length = json_texts(np.concatenate(columns)), len(columns[0])
    return [written[n * length : (n + 1) * length] for n in range(len(columns))]


def column_tokens(column: Column, stored: NDArray[Any]) -> list[Any]:
    """Stored values of a column that holds no instants as pieces of JSON."""
    if column.kind is Kind.CHOICE:
        words = [*map(quoted, column.words), "null"]
        return [words[code] for code in np.minimum(stored, len(column.words)).tolist()]
    values = stored.tolist()
    if column.kind is Kind.BOOL:
        return [FLAGS[value] for value in values]
    if column.kind is Kind.INT:
        return ["null" if value == NULL_INT else value for value in values]
    if column.kind is Kind.FLOAT:
        return ["null" if math.isnan(value) else value for value in values]
    if column.kind is Kind.JSON:
        return [orjson.dumps(value).decode() for value in values]
    return ["null" if value is None else quoted(value) for value in values]


def quoted(text: str) -> str:
    """A text as JSON."""
    return encode_basestring(text)


def bare(text: str) -> str:
    """A text in its JSON form, without the quotes."""
    return quoted(text)[1:-1]
