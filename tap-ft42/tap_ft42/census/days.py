"""On which days rows were created.

The API counts by day, but does not say in which time zone its days begin: in UTC or in
Paris. So each row has a **moment**: the day in UTC plus the day in Paris, as numbers since
1970. The two are the same day or neighbours, so that one number tells both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import get_args

from tap_ft42.declared.capabilities import Zone
from tap_ft42.declared.instants import milliseconds
from tap_ft42.declared.listing import CREATED_AT

ZONES: tuple[Zone, ...] = get_args(Zone)

UNKNOWN = 0
"""The moment of a row whose creation nobody knows."""

_DAY = 24 * 60 * 60 * 1000
_HOUR = 60 * 60 * 1000
_FIRST = date(1970, 1, 1)
_SUNDAY = 6


@cache
def _midnight_of_paris(day: int) -> int:
    """Return the instant within a day of UTC at which a new day begins in Paris."""
    # By rule, as a slim image may have no database of time zones.
    midnight = datetime(1970, 1, 1, 23, tzinfo=UTC) + timedelta(days=day)
    is_summer = _change(midnight.year, 3) <= midnight < _change(midnight.year, 10)
    return (day + 1) * _DAY - (2 if is_summer else 1) * _HOUR


@cache
def _change(year: int, month: int) -> datetime:
    """Return when Europe's clocks change: on the last Sunday of a month of 31 days."""
    last = datetime(year, month, 31, 1, tzinfo=UTC)
    return last - timedelta(days=(last.weekday() - _SUNDAY) % 7)


def moment_at(instant: int) -> int:
    """Return the moment of an instant in milliseconds since 1970."""
    day = instant // _DAY
    return 2 * day + (instant >= _midnight_of_paris(day))


def moment_of(record: object) -> int:
    """Return when the API says that a row was created; `UNKNOWN` if it does not say so."""
    if not isinstance(record, dict):
        return UNKNOWN
    instant = milliseconds(record.get(CREATED_AT))
    return UNKNOWN if instant is None or instant < 0 else moment_at(instant)


def day_of(moment: int, zone: Zone) -> int:
    """Return the day of a moment as a number since 1970."""
    return (moment + ZONES.index(zone)) // 2


def by_day(rows: Mapping[int, int], zone: Zone) -> Counter[int]:
    """Return how many rows each day has, given those of each moment that is known."""
    found = Counter[int]()
    for moment, each in rows.items():
        if moment and each:
            found[day_of(moment, zone)] += each
    return found


def number_of(day: date) -> int:
    """Return a day as a number since 1970."""
    return (day - _FIRST).days


def written(day: int) -> str:
    """Write a day down as the API does."""
    return (_FIRST + timedelta(days=day)).isoformat()


def bounds(first: int, last: int, zone: Zone) -> tuple[int, int]:
    """Return when the first of some days begins and the last one ends, in milliseconds."""
    if zone == "UTC":
        return first * _DAY, (last + 1) * _DAY
    return _midnight_of_paris(first - 1), _midnight_of_paris(last)
