"""Probes: requests whose right answer is known, as they ask for rows that were seen before.

One probe tests ranges, their bounds, the order and the page number. It takes three rows of a
page, and asks for them by ranges, in another order than the list has by itself, as the second
page of two rows. Each range holds a row that the other one does not. So the right row comes
only if the API heeds all parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise, product
from typing import TYPE_CHECKING, Any

from tap_ft42.declared.listing import ID

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tap_ft42.declared.listing import Cursor

_ROWS = 3
_LOOKED_AT = 20
"""A probe's rows are searched among so many rows of a page at a time."""


@dataclass(frozen=True)
class Row:
    """The keys of a row."""

    id: int
    position: int
    """The position of the cursor; 0 if the list has no cursor."""

    def key(self, column: str) -> int:
        """Return the value of a column as a number."""
        return self.id if column == ID else self.position


@dataclass(frozen=True)
class Probe:
    """Three rows of a list, and ranges that together hold these rows and no others."""

    rows: Sequence[Row]
    """In the order of the list."""
    bounds: Mapping[str, tuple[Row, Row]]
    """By column, the rows whose values are the bounds of its range."""
    cursor: Cursor | None

    def range_of(self, *columns: str) -> dict[str, str]:
        """Return the parameters that narrow the list by ranges of some columns."""
        return {
            f"range[{column}]": ",".join(
                self._written(column, row.key(column)) for row in self.bounds[column]
            )
            for column in columns
        }

    def _written(self, column: str, key: int) -> str:
        is_id = column == ID or self.cursor is None
        return str(key if is_id or self.cursor is None else self.cursor.written(key))

    def holds(self, column: str, rows: Sequence[Row]) -> bool:
        """Tell whether rows lie in the range of a column."""
        lower, upper = (row.key(column) for row in self.bounds[column])
        return all(lower <= row.key(column) <= upper for row in rows)

    def sorted_otherwise(self, columns: Sequence[str]) -> tuple[dict[str, str], int]:
        """Return a parameter that changes the order of the rows, and the id of the last row.

        Args:
            columns: The columns to sort by; empty if the API cannot sort.
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
    """Return the keys of all records that have them."""
    rows = list[Row]()
    for record in records:
        number = record.get(ID)
        position = 0 if cursor is None else cursor.position(record.get(cursor.column))
        if type(number) is int and position is not None:
            rows.append(Row(number, position))
    return rows


def probe_of(
    rows: Sequence[Row], columns: Sequence[str], cursor: Cursor | None
) -> Probe | None:
    """Return a probe with rows of a page; None if the page has no suitable rows.

    Args:
        rows: The rows of a page, in order.
        columns: The columns with ranges that the rows show: one or two.
        cursor: The list's cursor.
    """
    for end in range(len(rows), 0, -_LOOKED_AT):
        some = rows[max(0, end - _LOOKED_AT) : end]
        # By the column of the page's order, no other row of the list lies between its rows.
        first = next((column for column in columns if is_sorted(some, column)), None)
        if first is not None and len({row.id for row in some}) == len(some) >= _ROWS:
            second = next((column for column in columns if column != first), None)
            probe = _probe_within(some, first, second, cursor)
            if probe is not None:
                return probe
    return None


def _probe_within(
    rows: Sequence[Row], first: str, second: str | None, cursor: Cursor | None
) -> Probe | None:
    """Return a probe of rows that follow each other; None if there is none.

    Args:
        rows: The rows.
        first: The column by which they are sorted.
        second: The other column, if there is one.
        cursor: The list's cursor.
    """
    if second is None:
        last = rows[-_ROWS:]
        return Probe(last, {first: _bounds(last, first)}, cursor)
    for length, begin in product((_ROWS + 1, _ROWS + 2), range(len(rows))):
        inside = rows[begin : begin + length]
        ends = _bounds(inside, first)
        for lower, upper in product(rows, repeat=2):
            keys = lower.key(second), upper.key(second)
            held = [row for row in rows if keys[0] <= row.key(second) <= keys[1]]
            both = [row for row in inside if row in held]
            tells = len(held) > len(both) < len(inside)
            # If the API excludes a bound, one of the three rows must be missing.
            has_ends = all(
                one in both or other in both
                for one, other in zip(ends, (lower, upper), strict=True)
            )
            if len(both) == _ROWS and tells and has_ends:
                return Probe(both, {first: ends, second: (lower, upper)}, cursor)
    return None


def last_of(rows: Sequence[Row], columns: Sequence[str], cursor: Cursor | None) -> Probe | None:
    """Return the last rows of a page as a probe; other rows may lie between them."""
    last = rows[-_ROWS:]
    bounds = {column: _bounds(last, column) for column in columns} if last else {}
    return Probe(last, bounds, cursor) if last else None


def _bounds(rows: Sequence[Row], column: str) -> tuple[Row, Row]:
    ordered = sorted(rows, key=lambda row: row.key(column))
    return ordered[0], ordered[-1]


def is_sorted(rows: Sequence[Row], column: str) -> bool:
    """Tell whether rows ascend or descend by a column."""
    return follows(rows, column, "") or follows(rows, column, "-")


def sign_against(rows: Sequence[Row], column: str) -> str:
    """Return the sign of ``sort`` that brings rows into another order."""
    return "-" if follows(rows, column, "") else ""


def follows(rows: Sequence[Row], column: str, sign: str) -> bool:
    """Tell whether rows are in the order of a ``sort`` with this sign and column."""
    keys = [row.key(column) for row in rows]
    if sign:
        keys.reverse()
    return all(a <= b for a, b in pairwise(keys))
