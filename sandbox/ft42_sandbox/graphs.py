"""Graphs: how many rows fell on each day, or in each month, since the first one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np

from ft42_sandbox.instants import EPOCH, SECOND, from_datetime

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from numpy.typing import NDArray

# The format of each period. The documentation has more intervals, such as `week` and
# `hour_of_day`, but the format of their periods is not known.
PERIODS = {"day": "%Y-%m-%d", "month": "%Y-%m"}


def counts(
    instants: NDArray[Any], interval: str, now: int, *, zone: str, names_empty: bool
) -> dict[str, int]:
    """Count instants by the period that they fall in.

    Args:
        instants: microseconds since 1970, none of them null.
        interval: one of `PERIODS`.
        now: the end of the last period.
        zone: the time zone of the periods.
        names_empty: whether empty periods are included, with 0.

    Returns:
        Counts by the names of the periods, from the first instant to now.
    """
    if not len(instants):
        return {}
    first = _local(int(instants.min()), zone)
    last = _local(max(int(instants.max()), now), zone)
    periods = [_period(day, interval, zone) for day in _days(first, last, interval)]
    begins = np.asarray([begin for _, begin in periods])
    found = np.searchsorted(begins, instants, side="right") - 1
    rows = np.bincount(found, minlength=len(periods)).tolist()
    return {name: n for (name, _), n in zip(periods, rows, strict=True) if n or names_empty}


def _local(instant: int, zone: str) -> date:
    return (EPOCH + timedelta(seconds=instant // SECOND)).astimezone(ZoneInfo(zone)).date()


def _days(first: date, last: date, interval: str) -> Iterator[date]:
    """The first day of each period."""
    day = first if interval == "day" else first.replace(day=1)
    while day <= last:
        yield day
        following = day + timedelta(days=1 if interval == "day" else 31)
        day = following if interval == "day" else following.replace(day=1)


@cache
def _period(day: date, interval: str, zone: str) -> tuple[str, int]:
    """The name of a period, and when its first day begins; a graph has thousands of them."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
    return day.strftime(PERIODS[interval]), from_datetime(midnight.astimezone(UTC))
