"""Probes: requests whose right answer is known, as they ask for rows that were seen before.

One probe tests ranges, their bounds, the order and the page number. It asks for the second page
of a few rows that follow each other, by ranges of each column. If the API ignores a part of
the request, other rows come.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

from tap_ft42.declared.listing import ID
from tap_ft42.reading.regions import Region

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tap_ft42.api.page import Page
    from tap_ft42.declared.listing import Cursor

Row: TypeAlias = "Mapping[str, int]"
"""The keys of a row: its id, and the position of its cursor."""

SIZE = 2
"""Rows of a page of a probe; its rows are among twice as many that follow each other."""


@dataclass(frozen=True)
class Probe:
    """A region of a list with a few known rows."""

    region: Region
    rows: int
    """How many rows it has."""
    second_page: Sequence[int]
    """The ids of the rows on its second page."""
    tells_bounds: bool
    """Whether other rows come if the API excludes a bound of ids."""


def rows_of(page: Page, cursor: Cursor | None) -> list[Row]:
    """Return the keys of the records of a page; none if some records lack them."""
    columns = [ID, *([] if cursor is None else [cursor.column])]
    keys = [page.keys(column) for column in columns]
    if any(len(some) != page.count for some in keys):
        return []
    return [dict(zip(columns, of_row, strict=True)) for of_row in zip(*keys, strict=True)]


def probe_of(rows: Sequence[Row], columns: Sequence[str], sort: Sequence[str]) -> Probe | None:
    """Return a probe of some rows of a page; None if no rows are suitable.

    Args:
        rows: The rows of a page.
        columns: The columns with ranges: two at most.
        sort: The columns to sort by; empty to ask for no order.
    """
    probes = (_probe(rows, region, sort) for region in _regions(rows, columns))
    found = [probe for probe in probes if probe is not None]
    return max(found, key=lambda probe: probe.tells_bounds, default=None)


def _regions(rows: Sequence[Row], columns: Sequence[str]) -> Iterator[Region]:
    """Yield regions of rows that follow each other, but those that a second range excludes."""
    ordered = [one for one in columns if follows(rows, one) or follows(rows[::-1], one)]
    for begin in range(len(rows) - 2 * SIZE + 1 if ordered else 0):
        some = rows[begin : begin + 2 * SIZE]
        # By the column of the page's order, no other row of the list lies between them.
        region = Region({ordered[0]: _ends([row[ordered[0]] for row in some])})
        others = [column for column in columns if column != ordered[0]]
        if not others:
            yield region
        for column in others:
            least, most = _ends([row[column] for row in rows])
            keys = sorted(row[column] for row in some)
            yield region.narrowed(column, keys[1], most)
            yield region.narrowed(column, least, keys[-2])


def _ends(keys: Sequence[int]) -> tuple[int, int]:
    return min(keys), max(keys)


def _probe(rows: Sequence[Row], region: Region, sort: Sequence[str]) -> Probe | None:
    """Return the probe of a region; None if it would not show that a part is ignored."""
    right = _shown(rows, region, sort)[SIZE : 2 * SIZE]

    def tells(other: Region, order: Sequence[str] = sort) -> bool:
        return _shown(rows, other, order)[SIZE : 2 * SIZE] != right

    is_telling = all(tells(region.without(column)) for column in region.bounds)
    if not right or not is_telling or (sort and not tells(region, ())):
        return None
    lower, upper = region.interval(ID)
    without_bound = [
        region.narrowed(ID, lower + 1, upper),
        region.narrowed(ID, lower, upper - 1),
    ]
    tells_bounds = ID not in region.bounds or all(map(tells, without_bound))
    return Probe(region, len(_shown(rows, region, sort)), right, tells_bounds)


def _shown(rows: Sequence[Row], region: Region, sort: Sequence[str]) -> list[int]:
    """Return the ids of the rows in a region, in an order."""
    held = [
        row
        for row in rows
        if all(
            # The parameter of instants reaches a millisecond further.
            lower - (column != ID) <= row[column] <= upper + (column != ID)
            for column, (lower, upper) in region.bounds.items()
        )
    ]
    if sort:
        held.sort(key=lambda row: [row[column] for column in sort])
    return [row[ID] for row in held]


def follows(rows: Sequence[Row], column: str) -> bool:
    """Tell whether rows ascend by a column."""
    return all(one[column] <= other[column] for one, other in pairwise(rows))
