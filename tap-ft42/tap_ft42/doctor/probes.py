"""Requests whose right answer is known before: three rows of a list that has been seen.

One request tells whether ranges, their bounds, the order and the number of a page count: of
the three rows, sorted otherwise than the list is by itself, it asks for the second page of
two. Only the right one row comes where all of that counts; each that does not leads to
other rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from tap_ft42.declared.listing import ID

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tap_ft42.declared.listing import Cursor

_ROWS = 3


@dataclass(frozen=True)
class Row:
    """What of a row the probes go by."""

    id: int
    position: int
    """Of the cursor; 0 where the list has none."""

    def key(self, column: str) -> int:
        """Return the value of a column as a number."""
        return self.id if column == ID else self.position


@dataclass(frozen=True)
class Probe:
    """Three rows, one behind the other in the list."""

    rows: Sequence[Row]
    cursor: Cursor | None

    def range_of(self, column: str) -> dict[str, str]:
        """Return the parameter that narrows the list to the rows by a column."""
        keys = [row.key(column) for row in self.rows]
        bounds: list[object] = [min(keys), max(keys)]
        if column != ID and self.cursor is not None:
            bounds = [self.cursor.written(min(keys)), self.cursor.written(max(keys))]
        return {f"range[{column}]": f"{bounds[0]},{bounds[1]}"}

    def holds(self, column: str, rows: Sequence[Row]) -> bool:
        """Tell whether rows lie in the range by a column."""
        keys = [row.key(column) for row in self.rows]
        return all(min(keys) <= row.key(column) <= max(keys) for row in rows)

    def ends(self, column: str) -> set[int]:
        """Return the ids of the rows at the bounds of a column."""
        keys = [row.key(column) for row in self.rows]
        return {row.id for row in self.rows if row.key(column) in {min(keys), max(keys)}}

    def sorted_otherwise(self, columns: Sequence[str]) -> tuple[dict[str, str], int]:
        """Return how to sort the rows otherwise than they are, and which is the last then.

        Args:
            columns: By what they can be sorted; none to leave the list as it is.
        """
        if not columns:
            return {}, self.rows[-1].id
        ordered = sorted(self.rows, key=lambda row: [row.key(name) for name in columns])
        sign = ""
        if ordered[-1].id == self.rows[-1].id:
            sign = "-"
            ordered.reverse()
        return {"sort": ",".join(sign + name for name in columns)}, ordered[-1].id


def rows_of(records: Sequence[Mapping[str, Any]], cursor: Cursor | None) -> list[Row]:
    """Return what the probes go by, of records that have it."""
    return list(_rows(records, cursor))


def _rows(records: Sequence[Mapping[str, Any]], cursor: Cursor | None) -> Iterator[Row]:
    for record in records:
        number = record.get(ID)
        position = 0 if cursor is None else cursor.position(record.get(cursor.column))
        if type(number) is int and position is not None:
            yield Row(number, position)


def probe_of(rows: Sequence[Row], cursor: Cursor | None) -> Probe | None:
    """Return the probe of a page; None where nothing is known of what lies between its rows.

    Args:
        rows: The rows of a page, in its order.
        cursor: The list's cursor, if its rows show it.
    """
    last = rows[-_ROWS:]
    columns = [ID] if cursor is None else [ID, cursor.column]
    if len({row.id for row in last}) < _ROWS:
        return None
    if not any(is_sorted(rows, column) for column in columns):
        return None
    return Probe(last, cursor)


def is_sorted(rows: Sequence[Row], column: str) -> bool:
    """Tell whether rows ascend by a column, or descend."""
    keys = [row.key(column) for row in rows]
    return all(a <= b for a, b in pairwise(keys)) or all(a >= b for a, b in pairwise(keys))


def sign_against(rows: Sequence[Row], column: str) -> str:
    """Return the sign of ``sort`` that orders rows otherwise than they are."""
    keys = [row.key(column) for row in rows]
    return "-" if all(a <= b for a, b in pairwise(keys)) else ""


def follows(rows: Sequence[Row], column: str, sign: str) -> bool:
    """Tell whether rows are in the order that a ``sort`` asks for."""
    keys = [row.key(column) for row in rows]
    if sign:
        keys.reverse()
    return all(a <= b for a, b in pairwise(keys))
