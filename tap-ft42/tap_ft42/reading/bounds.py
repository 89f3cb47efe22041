"""Finds out which bounds a range includes, and how wide a range may be.

Slices of ids meet without a gap, and a census counts them. If 42 excluded a bound, each slice
would lose a row, and the census would take it for disappeared. So a range is asked for first
that holds one known row, at its bounds. The result counts for a month, see
`tap_ft42.declared.capabilities`.

Instants need no such test: their windows overlap, and are widened by a millisecond on each
side, see `tap_ft42.reading.regions`. But 42 may silently cut a wide window, such as one after
a long pause. Its answer would look like that of a window with few changes. So a known row is
asked for in the middle of a wide range. Whichever end is cut, the row is shown only if ranges
of half that width are not cut. If ids do not narrow the list to that row, the row of the latest
change is asked for at both ends of a range: as the first row of those after it, and as the last
row of those before it.

Last, a known row is asked for at its own instant, as 42 may count in another time zone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from tap_ft42.api.page import Page
from tap_ft42.declared.capabilities import Bounds, bounds_of
from tap_ft42.declared.instants import DAY, HOUR, milliseconds
from tap_ft42.declared.listing import ID
from tap_ft42.reading.regions import MAX_ID, Key, Region

First: TypeAlias = Callable[..., Awaitable[Page]]
"""Asks for the first page of some rows, perhaps in some order; or for their total."""

_MARGIN = 4
"""A width of so many times the wanted one is tested, as the next range may be wider."""

_CUT = 1_000
"""Milliseconds by which the API may round instants."""

_LONG = {True: MAX_ID, False: 400 * DAY}
"""The least width that is tested first, in ids (True) and in milliseconds."""

_NARROWER = {
    True: (10_000_000, 5_000_000, 1_000_000, 500_000, 100_000, 10_000, 1_000),
    False: (365 * DAY, 90 * DAY, 30 * DAY, 7 * DAY, DAY, HOUR, HOUR // 6, HOUR // 60),
}


async def find_bounds(first: First, example: int | None) -> Bounds | None:
    """Find out which bounds are included; None if that cannot be found out.

    Args:
        first: Asks for the first page of some rows.
        example: The id of a row of the list, if one is known.
    """
    if example is None:
        page = await first(Region())
        if not page.ids:
            return None
        example = page.ids[0]
    if await _holds(first, example, example, example):
        return "both"
    lower = await _holds(first, example, example + 1, example)
    upper = await _holds(first, example - 1, example, example)
    if lower is None or upper is None:
        return None
    if not (lower or upper) and not await _holds(first, example - 1, example + 1, example):
        return None  # the row has left the list
    return bounds_of(lower=lower, upper=upper)


@dataclass(frozen=True)
class Example:
    """A row of a list.

    Attributes:
        number: Its id.
        position: Its position in the column of the list's cursor.
        column: The column of the list's cursor.
    """

    number: int
    position: int
    column: str

    @classmethod
    def of(cls, page: Page, column: str, key: Key) -> Example | None:
        """Return the row of a page with the greatest key; None if its rows lack the cursor.

        Args:
            page: The page.
            column: The column of the list's cursor.
            key: This column, or the id. The greatest one is needed: a row with a small id would
                also be shown by a range that is cut behind it.
        """
        if not page.ids or len(page.ids) != len(page.keys(column)):
            return None
        rows_of_keys = zip(page.keys(key), page.keys(column), page.ids, strict=True)
        _, position, number = max(rows_of_keys)
        # A census may read by another column.
        rows = [row for row in page.records() if isinstance(row, dict)]
        is_told = any(milliseconds(row.get(column)) == position for row in rows)
        return cls(number, position, column) if is_told else None

    def at_ends(self, reach: int) -> list[tuple[Region, str]]:
        """Return two ranges of the cursor with the row at an end, and how to sort each."""
        first, last = self.position - _CUT, self.position + _CUT
        return [
            (Region({self.column: (max(0, first), self.position + reach)}), self.column),
            (Region({self.column: (max(0, self.position - reach), last)}), f"-{self.column}"),
        ]

    def around(self, key: Key, reach: int, *, beside: int = 1) -> Region:
        """Return a region that holds only this row, in the middle of a range of a key.

        Args:
            key: The key.
            reach: How far the range reaches on each side.
            beside: How far the range of ids reaches on each side, as bounds may be excluded.
        """
        reaches = {ID: beside, self.column: _CUT, key: reach}
        middles = {ID: self.number, self.column: self.position}
        return Region(
            {
                name: (max(0, middle - reaches[name]), middle + reaches[name])
                for name, middle in middles.items()
            }
        )


async def find_both(first: First, example: Example, key: Key, width: int) -> int | None:
    """Find the width as `find_reach`, if both bounds of ids are included; else None."""
    reach = max(_MARGIN * width, _LONG[False])
    page = await first(region := example.around(key, reach, beside=0))
    return reach if example.number in page.ids and not region.strangers(page) else None


async def find_reach(
    first: First, example: Example, key: Key, width: int, *, by_id: bool
) -> int | None:
    """Find out how wide a range of a key may be without being cut; None if unknown.

    Args:
        first: Asks for the first page of some rows.
        example: A row of the list.
        key: The id, or the column of the cursor.
        width: The wanted width of a range.
        by_id: Whether ids narrow the list to the row.
    """
    wide = max(_MARGIN * width, _LONG[key == ID])
    for reach in (wide, *(narrower for narrower in _NARROWER[key == ID] if narrower < wide)):
        for region, sort in (
            [(example.around(key, reach), "")] if by_id else example.at_ends(reach)
        ):
            page = await first(region, sort=sort)
            is_shown = example.number in page.ids
            if region.strangers(page) or (page.more and not is_shown):
                return None
            if not is_shown:
                break
        else:
            is_clipped = key == ID and reach == wide
            return min(reach, example.number) if is_clipped else reach
    return None  # the row has left the list


async def is_exact(first: First, example: Example, key: Key) -> bool:
    """Tell whether a range of instants shows the row of just these instants."""
    for reach in (_CUT, _CUT, _LONG[False]):  # the row may change or leave meanwhile
        page = await first(example.around(key, reach))
        if example.number in page.ids:
            return reach == _CUT
    return True


async def _holds(first: First, lower: int, upper: int, number: int) -> bool | None:
    """Return whether a range shows a row; None if it shows rows outside of it."""
    region = Region({ID: (lower, upper)})
    page = await first(region)
    return None if region.strangers(page) else number in page.ids
