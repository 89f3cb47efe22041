"""What a state holds of a list: which of its rows are known, and when they were created.

Up to 100,000 rows are **named**: the account holds their ids. Of other rows, it holds how many
were created at each moment, whose these are, and their lowest and highest id. In a list with
more rows, only those stay named that can still disappear. Nobody unregisters from a finished
project, so some 50,000 of 985,000 enrolments can disappear. The API counts named and other rows
separately.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import repeat
from typing import Any

from tap_ft42.census.counting import Expectation
from tap_ft42.census.days import UNKNOWN, ZONES, by_day, day_of, moment_of
from tap_ft42.census.open import KEYS, OpenRows
from tap_ft42.census.owners import Owners
from tap_ft42.census.packing import (
    MOST_IDS,
    packed,
    packed_ids,
    stepped,
    steps,
    unpacked,
    unpacked_ids,
)
from tap_ft42.declared.capabilities import Zone
from tap_ft42.declared.listing import Census
from tap_ft42.reading.ids import IdSet
from tap_ft42.reading.regions import MAX_ID
from tap_ft42.run.people import person_of

_OWNERS = "owners"

_ROWS = {"ids", *KEYS, "days", "greatest", _OWNERS}
"""The keys that hold rows. All other keys hold notes."""

_STATUSES = "statuses"
"""Key of the note with the filter values that select the open rows."""


@dataclass
class Crowd:
    """Unnamed rows of one moment: their number, their lowest and their highest id."""

    rows: int = 0
    low: int = 0
    high: int = 0

    def add(self, number: int) -> None:
        """Count a row."""
        self.rows += 1
        self.low = min(self.low or number, number)
        self.high = max(self.high, number)


class Account:
    """The known rows of a list, and notes about them.

    Attributes:
        notes: What else the state holds about the list.
        named: The moment of each named row (`tap_ft42.census.days`), by its id.
        is_exact: Whether all rows are named.
        greatest: The greatest known id.
        has_changed: Whether the account has changes that the state does not hold yet.
        open: The rows that can still disappear.
        owners: Whose the unnamed rows are, in a list whose settled rows do not disappear.
    """

    def __init__(
        self,
        notes: Mapping[str, Any] | None = None,
        census: Census = Census(),  # noqa: B008 - it is frozen
    ) -> None:
        """Begin an empty account, with its first notes; `census` tells how rows disappear."""
        self.notes: dict[str, Any] = dict(notes or {})
        self.named: dict[int, int] = {}
        self.is_exact = True
        self.greatest = 0
        self.has_changed = True
        self.open = OpenRows(census)
        self.owners = Owners()
        self._people: dict[int, int] = {}
        self._came = IdSet()
        self._crowds: dict[int, Crowd] = {}
        self._rows: dict[tuple[Zone, bool | None], Counter[int]] = {}
        self._by_day: dict[Zone, dict[int, list[int]]] = {}
        self._ids: list[int] | None = None

    @classmethod
    def restored(cls, kept: Mapping[str, Any], census: Census = Census()) -> Account:  # noqa: B008
        """Restore an account that `as_state` has written.

        Raises:
            ValueError: The state is damaged.
            KeyError: The state holds no account.
        """
        notes = {name: value for name, value in kept.items() if name not in _ROWS}
        account = cls(notes, census)
        account.open.restore(kept)
        account.is_exact, days = "ids" in kept, kept.get("days")
        ids = unpacked_ids(kept["ids"]) if account.is_exact else sorted(account.open.ids)
        moments = stepped(days["named"]) if days else []
        # A state from before counts by the day holds no moments.
        of_them = moments if len(ids) == len(moments) else repeat(UNKNOWN)
        account.named.update(zip(ids, of_them, strict=False))
        account.greatest = max(ids, default=0)
        if account.is_exact:
            return account
        account.greatest, days = int(kept["greatest"]), kept["days"]
        account.owners = Owners(kept.get(_OWNERS))
        columns = (unpacked(days["rows"]), stepped(days["low"]), unpacked(days["wide"]))
        for moment, rows, low, wide in zip(stepped(days["moments"]), *columns, strict=True):
            account._crowds[moment] = Crowd(rows, low, low + wide)
        return account

    def as_state(self) -> dict[str, Any]:
        """Return the account as state, without ids if there are too many."""
        self.shrink()
        days = {"named": steps(self.named[one] for one in self.ids)}
        named = self.open.as_state(self.named.keys())
        kept: dict[str, Any] = {**self.notes, **named, "days": days}
        if self.is_exact:
            return {**kept, "ids": packed_ids(self.ids)}
        crowds = sorted((moment, one) for moment, one in self._crowds.items() if one.rows > 0)
        days |= {
            "moments": steps(moment for moment, _ in crowds),
            "rows": packed(one.rows for _, one in crowds),
            "low": steps(one.low for _, one in crowds),
            "wide": packed(one.high - one.low for _, one in crowds),
        }
        return {**kept, "greatest": self.greatest, _OWNERS: self.owners.as_state()}

    def note(self, **notes: object) -> None:
        """Add or replace notes."""
        self.notes.update(notes)
        self.has_changed = True

    def forget(self, name: str) -> None:
        """Delete a note, if there is one."""
        self.has_changed |= self.notes.pop(name, None) is not None

    # Rows

    @property
    def ids(self) -> list[int]:
        """The ids of the named rows, ascending."""
        if self._ids is None:
            self._ids = sorted(self.named)
        return self._ids

    @property
    def total(self) -> int:
        """How many rows are known."""
        return len(self.named) + sum(one.rows for one in self._crowds.values())

    @property
    def parts(self) -> list[tuple[bool, dict[str, str]]]:
        """The parts that the API counts separately: whether each is named, and its filters."""
        if self.is_exact or self.open.settled is None:
            return [(self.is_exact, {})]
        column, value = self.open.settled
        name = f"filter[{column}]"
        return [(True, {name: ",".join(self.notes.get(_STATUSES, ()))}), (False, {name: value})]

    def __contains__(self, number: int) -> bool:
        """Tell whether a row is named."""
        return number in self.named

    def between(self, lower: int, upper: int) -> list[int]:
        """Return the ids of the named rows in a closed interval, ascending."""
        return self.ids[bisect_left(self.ids, lower) : bisect_right(self.ids, upper)]

    def sector(self, start: int, rows: int) -> tuple[int, int]:
        """Return an interval of `rows` named rows from `start`; past the last id, from id 1."""
        first = bisect_left(self.ids, start)
        first = 0 if first >= len(self.ids) else first
        end = first + max(rows, 1)
        return (
            self.ids[first] if first else 1,
            self.ids[end] - 1 if end < len(self.ids) else self.greatest,
        )

    def expectation(self, page_size: int) -> Expectation:
        """Return how many rows the list should have in each interval of ids."""
        return Expectation(self.ids, [1] * len(self.ids), page_size)

    def names(self, record: Mapping[str, Any]) -> bool:
        """Tell whether a row belongs to the named rows."""
        return self.is_exact or self.open.is_open(record)

    def may_hold(self, record: Mapping[str, Any]) -> bool:
        """Tell whether a row may be known: named, or with an id between those of its moment."""
        number: int = record["id"]
        if number in self or self.names(record):
            return number in self and self.names(record)
        crowd = self._crowds.get(moment_of(record), Crowd())
        return crowd.low <= number <= crowd.high

    def take(self, record: Mapping[str, Any], *, is_new: bool = True) -> None:
        """Account for a row that was read; `add` explains `is_new`."""
        self._mark(record)
        moment, person = moment_of(record), person_of(record)
        self.add(record["id"], is_new=is_new, moment=moment, person=person)

    def _mark(self, record: Mapping[str, Any]) -> None:
        """Remember whether a row is open, and which filter value selects it then."""
        self.has_changed |= self.open.mark(record)
        if self.open.settled is not None and self.open.is_open(record):
            status, known = record.get(self.open.settled[0]), self.notes.get(_STATUSES, [])
            if isinstance(status, str) and status not in known:
                self.note(**{_STATUSES: sorted([*known, status])})

    def add(
        self,
        number: int,
        *,
        is_new: bool = True,
        moment: int = UNKNOWN,
        person: int | None = None,
    ) -> None:
        """Account for a row that was read.

        Args:
            number: Its id.
            is_new: Whether no earlier run has read it. For a named row, this is not used.
            moment: When it was created.
            person: Whose it is; None if nobody knows.
        """
        if not 1 <= number <= MAX_ID:
            return
        if self.is_exact or number in self.open:
            if self.is_exact and person:
                self._people[number] = person
            before = self.named.get(number)
            if before is not None and moment in {UNKNOWN, before}:
                return
            is_of_crowd = before is None and (self._came.remove(number) or not is_new)
            if is_of_crowd and moment in self._crowds:
                self._crowds[moment].rows -= 1
                self.owners.remove(person, moment)
            self._name(number, moment)
            if len(self.named) > 2 * MOST_IDS:  # a state holds half as many
                self.shrink()
            return
        is_news = is_new or number > self.greatest
        if (self.remove(number) or is_news) and self._came.add(number):
            self._crowd(number, moment, person)

    def _name(self, number: int, moment: int) -> None:
        self.remove(number)
        self.named[number] = moment
        self._change(number)

    def _crowd(self, number: int, moment: int, person: int | None) -> None:
        self._crowds.setdefault(moment, Crowd()).add(number)
        self.owners.add(person, moment)
        self._change(number)

    def remove(self, number: int) -> bool:
        """Remove a row that has left the list, and tell whether it was named."""
        moment = self.named.pop(number, None)
        if moment is not None:
            self._change()
        return moment is not None

    def shrink(self) -> None:
        """Forget ids if there are too many: those of settled rows, or else all."""
        if self.is_exact and len(self.named) > MOST_IDS:
            self.forget_ids(but=self.open.ids)
        if not self.is_exact and len(self.named) > MOST_IDS:
            self.open.clear()
            self.forget_ids()

    def forget_ids(self, but: Collection[int] = ()) -> None:
        """Replace ids by counts of each moment. Rows in `but` stay named."""
        self.is_exact = False
        for number in self.named.keys() - but:
            moment = self.named[number]
            self.remove(number)
            self._came.add(number)
            self._crowd(number, moment, self._people.get(number))
        self._people.clear()

    def _change(self, number: int = 0) -> None:
        self.greatest = max(self.greatest, number)
        self.has_changed, self._ids = True, None
        self._rows.clear()
        self._by_day.clear()

    # Days

    def rows(self, zone: Zone, *, named: bool | None = None) -> Counter[int]:
        """Return how many rows each day has. Rows of unknown days are not counted.

        Args:
            zone: The time zone of the days.
            named: True counts the named rows, False the others, None both.
        """
        if (zone, named) not in self._rows:
            self._rows[zone, named] = found = Counter[int]()
            if named is not False:
                found.update(by_day(Counter(self.named.values()), zone))
            if named is not True:
                found.update(by_day({one: of.rows for one, of in self._crowds.items()}, zone))
        return self._rows[zone, named]

    def rows_on(self, days: range, zone: Zone, *, named: bool | None = None) -> int:
        """Return how many rows some days have; arguments as in `rows`."""
        rows = self.rows(zone, named=named)
        return sum(rows[day] for day in days)

    def ids_on(self, days: range, zone: Zone) -> list[int]:
        """Return the ids of the named rows of some days, ascending."""
        if zone not in self._by_day:
            found = self._by_day.setdefault(zone, {})
            for number, moment in self.named.items():
                if moment:
                    found.setdefault(day_of(moment, zone), []).append(number)
        held = self._by_day[zone]
        return sorted(number for day in days for number in held.get(day, ()))

    def crowds_of(self, days: Iterable[int], zone: Zone) -> list[Crowd]:
        """Return the crowds of some days."""
        moments = (moment for day in days for moment in _moments(day, zone))
        return [self._crowds[one] for one in moments if one in self._crowds]

    def let_go(self, person: int, moments: Mapping[int, int]) -> None:
        """Remove the unnamed rows of somebody, given their number at each moment."""
        for moment, rows in moments.items():
            if one := self._crowds.get(moment):
                one.rows -= min(rows, one.rows)
            for _ in range(rows):
                self.owners.remove(person, moment)
        self._change()

    def replace_days(
        self,
        days: range,
        zone: Zone,
        records: Iterable[Mapping[str, Any]],
        lacking: Collection[int] = (),
    ) -> None:
        """Replace the rows of some days, once named rows that are gone are removed.

        Args:
            days: The days.
            zone: Their time zone.
            records: All their rows.
            lacking: Days on which unnamed rows are gone, but not known: these still count.
        """
        kept = [(one, one.rows) for one in self.crowds_of(lacking, zone)]
        for one in self.crowds_of(days, zone):
            one.rows = 0
        self.owners.clear(moment for day in days for moment in _moments(day, zone))
        self._change()
        for record in records:
            if self.is_exact:
                self.take(record)
                continue
            self._mark(record)
            self.remove(number := record["id"])
            if number in self.open:
                self._name(number, moment_of(record))
            else:
                self._crowd(number, moment_of(record), person_of(record))
        for one, rows in kept:
            one.rows = max(one.rows, rows)


def _moments(day: int, zone: Zone) -> tuple[int, int]:
    """Return the moments of a day."""
    first = 2 * day - ZONES.index(zone)
    return first, first + 1
