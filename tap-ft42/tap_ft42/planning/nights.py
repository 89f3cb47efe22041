"""What is done once a night, and who is read again in which night."""

from __future__ import annotations

from collections import Counter
from itertools import accumulate
from math import ceil
from typing import TYPE_CHECKING

from tap_ft42.declared.instants import DAY, HOUR

if TYPE_CHECKING:
    from collections.abc import Collection


def is_due(done: int | None, now: int, hour: int) -> bool:
    """Tell whether a night's work has to be done, as its hour has struck since the last time.

    Args:
        done: When it was last done, in milliseconds since 1970; None for never.
        now: When the run began.
        hour: Hour of the day (UTC) from which on the day's first run does it.
    """
    return done is None or night_of(done, hour) < night_of(now, hour)


def night_of(instant: int, hour: int) -> int:
    """Return the number of the night whose work is due at an instant.

    Where no hour is set, the work is due from midnight on.
    """
    return (instant - max(hour, 0) * HOUR) // DAY


def share(ages: Collection[int], nights: int) -> int:
    """Tell how many have to be read tonight, so that nobody waits longer than some nights.

    The nights share them out: as many tonight as in the fullest of the nights to come.

    Args:
        ages: For how many nights each one has not been read.
        nights: After how many of them everybody has to be read; 0 for never.

    Returns:
        How many of those who have waited longest.
    """
    left = Counter(max(nights - age, 0) for age in ages)
    waiting = accumulate(left[night] for night in range(nights))
    return max((ceil(some / night) for night, some in enumerate(waiting, 1)), default=0)
