"""Which of its bounds a range includes, and how far it reaches, found out before that counts.

Slices of ids meet without a gap, and a census counts them: where 42 left a bound out, each
would lose a row, and the census would call it gone. So a range that holds one known row, at
its bounds, is asked for first. What was found out counts for a month, see
`tap_ft42.declared.capabilities`.

Instants need no such question. Their windows overlap, so they are asked for a millisecond
wider on each side, see `tap_ft42.reading.regions`. But a window that is wide, as after a long
pause, may be cut in silence: its answer looks like that of one in which little changed. So a
known row is asked for in the middle of a wide range. Whichever end is cut, it is shown only if
ranges of half that width are whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from tap_ft42.declared.capabilities import Bounds, bounds_of
from tap_ft42.declared.listing import ID
from tap_ft42.reading.regions import MAX_ID, Region

if TYPE_CHECKING:
    from collections.abc import Generator

    from tap_ft42.api.page import Page

Questions: TypeAlias = "Generator[Region, Page, Bounds | None]"
"""Yields which rows to ask for, is sent the first page of them, and returns what they tell;
None if that is nothing."""


Reach: TypeAlias = "Generator[Region, Page, int | None]"
"""The same; what is returned is a width."""

DAY = 24 * 3_600_000
"""Milliseconds."""

_MARGIN = 4
"""How many times the width that is wanted is looked at, as the next one may be wider."""

_LONG = 400 * DAY
_NARROWER = (365 * DAY, 90 * DAY, 30 * DAY, 7 * DAY, DAY, DAY // 24)


def depends_on_bounds(region: Region) -> bool:
    """Tell whether a row may lie at a bound of a region's ids."""
    return ID in region.bounds and region.interval(ID) != (0, MAX_ID)


def questions(example: int | None) -> Questions:
    """Ask which bounds are included.

    Args:
        example: The id of a row that the list has, if one is known.
    """
    if example is None:
        page = yield Region()
        if not page.ids:
            return None
        example = page.ids[0]
    if (yield from _holds(example, example, example)):
        return "both"
    lower = yield from _holds(example, example + 1, example)
    upper = yield from _holds(example - 1, example, example)
    if lower is None or upper is None:
        return None
    if not (lower or upper) and not (yield from _holds(example - 1, example + 1, example)):
        return None  # it has left
    return bounds_of(lower=lower, upper=upper)


def reach_questions(number: int, position: int, column: str, width: int) -> Reach:
    """Ask how wide ranges of a column are answered as a whole.

    Args:
        number: The id of a row.
        position: Where it lies in the column.
        column: The column.
        width: How wide a range is wanted.
    """
    wide = max(_MARGIN * width, _LONG)
    for reach in (wide, *(narrower for narrower in _NARROWER if narrower < wide)):
        around = (max(0, position - reach), position + reach)
        region = Region({ID: (number - 1, number + 1), column: around})
        page = yield region
        if region.strangers(page):
            return None
        if number in page.ids:
            return reach
    return None  # it has left


def _holds(lower: int, upper: int, number: int) -> Generator[Region, Page, bool | None]:
    """Return whether a range shows a row; None if it shows others."""
    region = Region({ID: (lower, upper)})
    page = yield region
    return None if region.strangers(page) else number in page.ids
