"""Work that is done once a night, and how much of it each night does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from itertools import accumulate
from math import ceil
from operator import truediv

from tap_ft42.declared.instants import DAY, HOUR

_LEAST = 0.5
"""No night expects that fewer of the waiting rows stay."""


def is_due(done: int | None, now: int, hour: int) -> bool:
    """Tell whether a night's work is due: whether its hour has passed since the last time.

    Args:
        done: When it was last done, in milliseconds since 1970; None for never.
        now: When the run began, in milliseconds since 1970.
        hour: Hour of the day (UTC). The first run after it does the work.
    """
    return done is None or night_of(done, hour) < night_of(now, hour)


def night_of(instant: int, hour: int) -> int:
    """Return the number of the night to which an instant belongs.

    A night begins at the hour; at midnight if the hour is negative.
    """
    return (instant - max(hour, 0) * HOUR) // DAY


def share(ages: Collection[int], nights: int, stay: float = 1) -> int:
    """Return how many rows are to be read tonight, so that none waits longer than allowed.

    The work is spread over the nights: tonight does as much as any later night will need, if
    as many rows stay as lately.

    Args:
        ages: For each row, the number of nights since it was read.
        nights: After so many nights a row has to be read again; 0 for never.
        stay: The part of the waiting rows that no night reads for another reason.

    Returns:
        How many of the rows that have waited longest.
    """
    left = Counter(max(nights - age, 0) for age in ages)
    waiting = accumulate(left[night] for night in range(nights))
    # If each night reads as many, later ones leave more of them to other reasons.
    worth = accumulate(max(stay, _LEAST) ** -night for night in range(nights))
    return max(map(ceil, map(truediv, waiting, worth)), default=0)
