"""What a state holds of a list: which of its rows are known, and when they were created.

Up to 100,000 rows are known by their ids. Of more, it is known how many were created when, and
between which ids these lie.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING, Any

from tap_ft42.census.counting import Expectation
from tap_ft42.census.days import UNKNOWN, ZONES, day_of
from tap_ft42.census.packing import (
    MOST_IDS,
    packed,
    packed_ids,
    stepped,
    steps,
    unpacked,
    unpacked_ids,
)
from tap_ft42.reading.ids import IdSet
from tap_ft42.reading.regions import MAX_ID

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from tap_ft42.declared.capabilities import Zone

_HELD = 2 * MOST_IDS
"""Ids that are held in a run."""


@dataclass
class Crowd:
    """Rows of one moment: how many there are, and their lowest and highest id."""

    rows: int = 0
    low: int = 0
    high: int = 0

    def add(self, number: int) -> None:
        """Account for a row."""
        self.rows += 1
        self.low = min(self.low or number, number)
        self.high = max(self.high, number)


class Account:
    """The rows of a list that are known, and notes on how that came about.

    Attributes:
        notes: What else the state holds of the list.
        moments: When each row was created, by its id (`tap_ft42.census.days`); None where
            there are too many.
        greatest: The greatest id that is known.
        has_changed: Whether the state does not hold all of it yet.
    """

    def __init__(self, notes: Mapping[str, Any] | None = None) -> None:
        """Begin an account of no row."""
        self.notes: dict[str, Any] = dict(notes or {})
        self.moments: dict[int, int] | None = {}
        self.greatest = 0
        self.has_changed = True
        self._came = IdSet()
        self._crowds: dict[int, Crowd] = {}
        self._rows: dict[Zone, Counter[int]] = {}
        self._ids: list[int] | None = None

    @classmethod
    def restored(cls, kept: Mapping[str, Any], names: Collection[str] = ()) -> Account:
        """Take up what `as_state` has written, with the notes of these names.

        Raises:
            ValueError: The state is damaged.
            KeyError: It is none.
        """
        account = cls({name: kept[name] for name in names if name in kept})
        if "ids" in kept:
            ids = unpacked_ids(kept["ids"])
            moments = stepped(kept["days"]["moments"]) if "days" in kept else []
            # A state that is older than counts by the day has none of its rows.
            of_them = moments if len(ids) == len(moments) else repeat(UNKNOWN)
            for number, moment in zip(ids, of_them, strict=False):
                account.add(number, moment=moment)
            return account
        account.moments, account.greatest, days = None, int(kept["greatest"]), kept["days"]
        columns = (unpacked(days["rows"]), stepped(days["low"]), unpacked(days["wide"]))
        for moment, rows, low, wide in zip(stepped(days["moments"]), *columns, strict=True):
            account._crowds[moment] = Crowd(rows, low, low + wide)
        return account

    def as_state(self) -> dict[str, Any]:
        """Write it down; ids are forgotten if they have become too many."""
        if not self.is_small:
            self.forget_ids()
        if self.moments is not None:
            days = {"moments": steps(self.moments[number] for number in self.ids)}
            return {**self.notes, "ids": packed_ids(self.ids), "days": days}
        crowds = sorted((moment, one) for moment, one in self._crowds.items() if one.rows > 0)
        days = {
            "moments": steps(moment for moment, _ in crowds),
            "rows": packed(one.rows for _, one in crowds),
            "low": steps(one.low for _, one in crowds),
            "wide": packed(one.high - one.low for _, one in crowds),
        }
        return {**self.notes, "greatest": self.greatest, "days": days}

    def note(self, **notes: object) -> None:
        """Take notes."""
        self.notes.update(notes)
        self.has_changed = True

    def forget(self, name: str) -> None:
        """Take a note back."""
        del self.notes[name]
        self.has_changed = True

    # Rows

    @property
    def is_exact(self) -> bool:
        """Whether each id is known."""
        return self.moments is not None

    @property
    def is_small(self) -> bool:
        """Whether each id is known in the next run, too."""
        return self.moments is not None and len(self.moments) <= MOST_IDS

    @property
    def ids(self) -> list[int]:
        """The ids, ascending, as far as they are known."""
        if self._ids is None:
            self._ids = sorted(self.moments or ())
        return self._ids

    @property
    def total(self) -> int:
        """How many rows there are."""
        return sum(one.rows for one in self._crowds.values())

    def __contains__(self, number: int) -> bool:
        """Tell whether a row is known for certain."""
        return self.moments is not None and number in self.moments

    def between(self, lower: int, upper: int) -> list[int]:
        """Return the ids of a closed interval, ascending, as far as they are known."""
        return self.ids[bisect_left(self.ids, lower) : bisect_right(self.ids, upper)]

    def sector(self, start: int, rows: int) -> tuple[int, int]:
        """Return a closed interval of so many rows from an id on; behind all of them, anew."""
        first = bisect_left(self.ids, start)
        first = 0 if first >= len(self.ids) else first
        end = first + max(rows, 1)
        return (
            self.ids[first] if first else 1,
            self.ids[end] - 1 if end < len(self.ids) else self.greatest,
        )

    def expectation(self, page_size: int) -> Expectation:
        """Return how many rows are expected between which ids."""
        return Expectation(self.ids, [1] * len(self.ids), page_size)

    def add(self, number: int, *, is_new: bool = True, moment: int = UNKNOWN) -> bool:
        """Account for a row that was read, and tell whether that is news.

        Where ids are not known, the caller must know whether the row is new.
        """
        if not 1 <= number <= MAX_ID:
            return False
        is_beyond, self.greatest = number > self.greatest, max(number, self.greatest)
        if self.moments is not None:
            before = self.moments.get(number)
            if before is not None and moment in {UNKNOWN, before}:
                return False
            self.remove(number)
            self.moments[number] = moment
            if len(self.moments) > _HELD:
                self.forget_ids()
        elif not (is_new or is_beyond) or not self._came.add(number):
            return False
        self._crowds.setdefault(moment, Crowd()).add(number)
        self._change()
        return True

    def remove(self, number: int, *, moment: int = UNKNOWN) -> bool:
        """Account for a row that has left the list, and tell whether it was known.

        Where ids are not known, the list must have had it, and the moment is asked for.
        """
        if self.moments is not None:
            known = self.moments.pop(number, None)
            if known is None:
                return False
            moment = known
        else:
            self._came.remove(number)
        if moment in self._crowds:
            self._crowds[moment].rows -= 1
        self._change()
        return True

    def replace(
        self, lower: int, upper: int, ids: Sequence[int], moments: Mapping[int, int]
    ) -> None:
        """Let these be all rows of a closed interval, if ids are known."""
        if self.moments is not None:
            for number in set(self.between(lower, upper)).difference(ids):
                self.remove(number)
            for number in ids:
                self.add(number, moment=moments.get(number, UNKNOWN))

    def forget_ids(self) -> None:
        """Go on with how many rows were created when."""
        if self.moments is not None:
            self._came.update(self.moments)
            self.moments = None
            self._change()

    def _change(self) -> None:
        self.has_changed, self._ids = True, None
        self._rows.clear()

    # Days

    def rows(self, zone: Zone) -> Counter[int]:
        """Return how many rows there are of each day; of no day, those of which is unknown."""
        if zone not in self._rows:
            self._rows[zone] = found = Counter[int]()
            for moment, one in self._crowds.items():
                if moment and one.rows:
                    found[day_of(moment, zone)] += one.rows
        return self._rows[zone]

    def ids_by_day(self, zone: Zone) -> dict[int, list[int]]:
        """Return the ids of the rows by their days, as far as they are known."""
        found: dict[int, list[int]] = {}
        for number, moment in (self.moments or {}).items():
            if moment:
                found.setdefault(day_of(moment, zone), []).append(number)
        return found

    def crowds_of(self, day: int, zone: Zone) -> list[Crowd]:
        """Return the rows of a day, those of most rows first."""
        moments = (2 * day - ZONES.index(zone), 2 * day - ZONES.index(zone) + 1)
        found = [self._crowds[moment] for moment in moments if moment in self._crowds]
        return sorted(found, key=lambda one: -one.rows)

    def lessen(self, day: int, zone: Zone, rows: int) -> int:
        """Let a day have fewer rows, whichever, and return how many it had to give."""
        left = rows
        for one in self.crowds_of(day, zone):
            given = min(left, one.rows)
            one.rows, left = one.rows - given, left - given
        self._change()
        return rows - left

    def replace_days(self, days: range, zone: Zone, rows: Iterable[tuple[int, int]]) -> None:
        """Let these be all rows of some days, by ids and moments, where ids are not known."""
        for day in days:
            for one in self.crowds_of(day, zone):
                one.rows = 0
        for number, moment in rows:
            self._crowds.setdefault(moment, Crowd()).add(number)
        self._change()
