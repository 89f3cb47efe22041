"""Which of its bounds a range of ids includes, found out before a read relies on it.

Slices of ids meet without a gap, and a census counts them: where 42 left a bound out, each
would lose a row, and the census would call it gone. So a range that holds one known row, at
its bounds, is asked for first. What was found out counts for a month, see
`tap_ft42.declared.capabilities`.

Instants need no such question. Their windows overlap, so they are asked for a millisecond
wider on each side, see `tap_ft42.reading.regions`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_ft42.declared.capabilities import Bounds, bounds_of
from tap_ft42.declared.listing import ID
from tap_ft42.reading.regions import MAX_ID, Region

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tap_ft42.api.page import Page


def depends_on_bounds(region: Region) -> bool:
    """Tell whether a row may lie at a bound of a region's ids."""
    return ID in region.bounds and region.interval(ID) != (0, MAX_ID)


async def find_bounds(
    ask: Callable[[Region], Awaitable[Page]], example: int | None
) -> Bounds | None:
    """Find out which bounds are included; None if that cannot be told.

    Args:
        ask: Asks for the first page of some rows.
        example: The id of a row that the list has, if one is known.
    """
    if example is None:
        page = await ask(Region())
        if not page.ids:
            return None
        example = page.ids[0]

    async def is_in(lower: int, upper: int) -> bool | None:
        """Tell whether a range shows the row; None if it shows others."""
        region = Region({ID: (lower, upper)})
        page = await ask(region)
        return None if region.strangers(page) else example in page.ids

    if await is_in(example, example):
        return "both"
    lower, upper = await is_in(example, example + 1), await is_in(example - 1, example)
    if lower is None or upper is None:
        return None
    if not (lower or upper) and not await is_in(example - 1, example + 1):
        return None  # it has left
    return bounds_of(lower=lower, upper=upper)
