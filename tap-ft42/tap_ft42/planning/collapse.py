"""Doubts an answer by which most of a list is gone: 42 may be in trouble.

An answer ``200 []`` looks like that of a list which lost all its rows. It is believed once
42 says so again half a day later.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from tap_ft42.declared.instants import DAY, from_milliseconds, milliseconds
from tap_ft42.declared.listing import LOST
from tap_ft42.reading.asking import IncompleteReadError

COLLAPSED = "collapsed"
"""Key of the note: when the run began that found most of the rows gone."""


def refuse_collapse(
    notes: MutableMapping[str, Any], *, known: int, rows: int, began: int
) -> None:
    """Refuse to believe at once that most of a list is gone.

    Args:
        notes: What is known of the list; changed in place.
        known: How many rows it had.
        rows: How many it seems to have.
        began: When the run began, in milliseconds since 1970.

    Raises:
        IncompleteReadError: The list seems to have so few rows for the first time.
    """
    if rows >= known or (rows and 2 * rows + LOST >= known):
        notes.pop(COLLAPSED, None)
        return
    noted = milliseconds(notes.setdefault(COLLAPSED, from_milliseconds(began)))
    if noted is not None and began - noted < DAY // 2:
        message = (
            f"42 shows {rows:,} of the {known:,} rows that it had. If it still does tomorrow, "
            "the others are gone"
        )
        raise IncompleteReadError(message)
