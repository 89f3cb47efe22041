"""On which days the known rows of a list were created, small enough for a state.

The API counts by days, and nobody says whose midnights cut them: those of UTC, or those of
Paris. So each row has a **moment**: the day in UTC plus the day in Paris, as numbers since
1970. The two are the same day or neighbours, so that one number tells both.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import accumulate, pairwise, repeat
from typing import TYPE_CHECKING, Any, get_args

from tap_ft42.census.tallies import MOST_IDS, packed, unpacked
from tap_ft42.declared.capabilities import Zone
from tap_ft42.declared.instants import milliseconds
from tap_ft42.declared.listing import CREATED_AT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ZONES: tuple[Zone, ...] = get_args(Zone)

UNKNOWN = 0
"""The moment of a row of which nobody knows when it was created."""

_DAY = 24 * 60 * 60 * 1000
_HOUR = 60 * 60 * 1000
_FIRST = date(1970, 1, 1)
_SUNDAY = 6

_HELD = 2 * MOST_IDS
"""Rows of each of which the moment is held in a run; beyond that they are counted."""


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


def number_of(day: date) -> int:
    """Return a day as a number since 1970."""
    return (day - _FIRST).days


def written(day: int) -> str:
    """Write a day down as the API does."""
    return (_FIRST + timedelta(days=day)).isoformat()


def bounds(first: int, last: int, zone: Zone) -> tuple[int, int]:
    """Return the instants at which the first of some days begins and the last one ends."""
    if zone == "UTC":
        return first * _DAY, (last + 1) * _DAY
    return _midnight_of_paris(first - 1), _midnight_of_paris(last)


@dataclass
class Crowd:
    """Rows of one moment whose ids are not held.

    Attributes:
        rows: How many there are.
        low: Their lowest id.
        high: Their highest id.
    """

    rows: int = 0
    low: int = 0
    high: int = 0

    def add(self, number: int) -> None:
        """Account for a row."""
        self.rows += 1
        self.low = min(self.low or number, number)
        self.high = max(self.high, number)


class Days:
    """When the rows of a tally were created: how many when, and each of them while it can."""

    def __init__(self) -> None:
        """Know of no row."""
        self.moments: dict[int, int] | None = {}
        """The moments of the rows by their ids; None if there are too many."""
        self._crowds: dict[int, Crowd] = {}
        self._rows: dict[Zone, Counter[int]] = {}

    @classmethod
    def restored(cls, kept: Mapping[str, Any], ids: Iterable[int], *, is_exact: bool) -> Days:
        """Make them again of what was written down.

        Args:
            kept: What `as_state` returned.
            ids: The ids of the tally, ascending.
            is_exact: Whether the tally has ids.

        Raises:
            ValueError: The state is damaged.
            KeyError: It is none.
        """
        moments = stepped(kept["moments"])
        if is_exact:
            known = list(ids)
            is_whole = len(known) == len(moments)
            return cls.of(zip(known, moments if is_whole else repeat(UNKNOWN), strict=False))
        days = cls()
        days.moments = None
        columns = (unpacked(kept["rows"]), stepped(kept["low"]), unpacked(kept["wide"]))
        for moment, rows, low, wide in zip(moments, *columns, strict=True):
            days._crowds[moment] = Crowd(rows, low, low + wide)
        return days

    @classmethod
    def of(cls, moments: Iterable[tuple[int, int]]) -> Days:
        """Return the days of rows that are given by ids and moments."""
        days = cls()
        for number, moment in moments:
            days.put(number, moment, is_new=True)
        return days

    def as_state(self, *, is_small: bool) -> dict[str, Any]:
        """Write them down: by ids as long as the tally is."""
        if not is_small:
            self.moments = None
        if self.moments is not None:
            return {"moments": steps(moment for _, moment in sorted(self.moments.items()))}
        crowds = sorted((moment, one) for moment, one in self._crowds.items() if one.rows > 0)
        return {
            "moments": steps(moment for moment, _ in crowds),
            "rows": packed(one.rows for _, one in crowds),
            "low": steps(one.low for _, one in crowds),
            "wide": packed(one.high - one.low for _, one in crowds),
        }

    def put(self, number: int, moment: int, *, is_new: bool) -> bool:
        """Account for a row.

        Args:
            number: Its id.
            moment: When it was created.
            is_new: Whether the tally did not know it.

        Returns:
            Whether that is news.
        """
        if self.moments is not None:
            before = self.moments.get(number)
            if before is not None and moment in {UNKNOWN, before}:
                return False
            self.drop(number)
            self.moments[number] = moment
            if len(self.moments) > _HELD:
                self.moments = None
        elif not is_new:
            return False
        self._crowds.setdefault(moment, Crowd()).add(number)
        self._rows.clear()
        return True

    def drop(self, number: int, moment: int = UNKNOWN) -> None:
        """Account for a row that has left the tally.

        Args:
            number: Its id.
            moment: When it was created, where the moments of rows are not held.
        """
        if self.moments is not None:
            known = self.moments.pop(number, None)
            if known is None:
                return
            moment = known
        if moment in self._crowds:
            self._crowds[moment].rows -= 1
            self._rows.clear()

    def rows(self, zone: Zone) -> Counter[int]:
        """Return how many rows there are of each day; of no day, those of which is unknown."""
        if zone not in self._rows:
            self._rows[zone] = found = Counter[int]()
            for moment, one in self._crowds.items():
                if moment and one.rows:
                    found[day_of(moment, zone)] += one.rows
        return self._rows[zone]

    def ids(self, zone: Zone) -> dict[int, list[int]]:
        """Return the ids of the rows by their days, as far as they are held."""
        found: dict[int, list[int]] = {}
        for number, moment in (self.moments or {}).items():
            if moment:
                found.setdefault(day_of(moment, zone), []).append(number)
        return found

    # Rows whose ids are not held

    def crowds_of(self, day: int, zone: Zone) -> list[Crowd]:
        """Return the rows of a day, those of most rows first; none is added to them."""
        moments = (2 * day - ZONES.index(zone), 2 * day - ZONES.index(zone) + 1)
        found = [self._crowds[moment] for moment in moments if moment in self._crowds]
        return sorted(found, key=lambda one: -one.rows)

    def lessen(self, day: int, zone: Zone, rows: int) -> int:
        """Let a day have fewer rows, whichever, and return how many it had to give."""
        left = rows
        for one in self.crowds_of(day, zone):
            taken = min(left, one.rows)
            one.rows, left = one.rows - taken, left - taken
        self._rows.clear()
        return rows - left

    def replace(self, days: range, zone: Zone, rows: Iterable[tuple[int, int]]) -> None:
        """Let these be all rows of some days, by ids and moments."""
        for day in days:
            for one in self.crowds_of(day, zone):
                one.rows = 0
        for number, moment in rows:
            self._crowds.setdefault(moment, Crowd()).add(number)
        self._rows.clear()


def steps(values: Iterable[int]) -> str:
    """Write numbers down that are close to their predecessors, greater or smaller ones."""
    signed = (after - before for before, after in pairwise([0, *values]))
    return packed(2 * step if step >= 0 else -2 * step - 1 for step in signed)


def stepped(text: str) -> list[int]:
    """Read what `steps` has written.

    Raises:
        ValueError: It is damaged.
    """
    signed = (step // 2 if step % 2 == 0 else -(step + 1) // 2 for step in unpacked(text))
    return list(accumulate(signed))
